# %% [markdown]
# # A model of your own beside it
#
# You have a model of a reservoir, a few lines of Python. The river that feeds it is run
# by bmi_dmx. Both speak BMI, so a script of a dozen lines puts them together: this page
# shows all of it, and asks how large the reservoir has to be.
#
# The place is Cannonsville Reservoir, New York, which the West Branch Delaware at
# Walton feeds.

# %% [markdown]
# ## Your model
#
# The town takes 12 m³/s while there is water; what does not fit goes over the spillway.
# A component for all hosts has the 41 functions of BMI; this script calls seven of
# them.

# %%
import numpy as np


class Reservoir:
    """A reservoir with a demand and a spillway."""

    units = {
        "inflow": "m3 s-1",
        "storage": "m3",
        "release": "m3 s-1",
        "spill": "m3 s-1",
    }

    def initialize(self, config_file):
        self.capacity, self.demand = np.loadtxt(config_file, delimiter=",")
        self.values = {name: np.zeros(1) for name in self.units}
        self.values["storage"][:] = 0.5 * self.capacity
        self.time = 0.0

    def update(self):
        now = self.values
        volume = now["storage"] + now["inflow"] * self.get_time_step()
        withdrawal = np.minimum(self.demand * self.get_time_step(), volume)
        over = np.maximum(volume - withdrawal - self.capacity, 0.0)
        now["storage"][:] = volume - withdrawal - over
        now["release"][:] = withdrawal / self.get_time_step()
        now["spill"][:] = over / self.get_time_step()
        self.time += self.get_time_step()

    def get_time_step(self):
        return 86400.0

    def get_current_time(self):
        return self.time

    def get_var_units(self, name):
        return self.units[name]

    def get_value_ptr(self, name):
        return self.values[name]

    def set_value(self, name, src):
        self.values[name][:] = src


# %% [markdown]
# ## The river
#
# `DeltaHbv` is rainfall and runoff as learned on several hundred basins of the United
# States. It reads one small file: which place, and what the place is like. Weather
# comes from the shipped sample.

# %%
from bmi_dmx import DeltaHbv, load_bundle
from bmi_dmx.config import as_yaml
from bmi_dmx.trainer.tasks.basins.data.read import read
from bmi_dmx.trainer.tasks.basins.data.spec import DataSpec

data = read(DataSpec(reader="delaware", attributes="both", basins=["01423000"]))
needed = [a.name for a in load_bundle("dhbv-conus-daily").manifest.attributes]
place = {n: float(data.attributes[n][0]) for n in [*needed, "latitude"]}
with open("walton.yaml", "w", encoding="utf-8") as file:
    file.write(as_yaml({
        "start_time": "1979-01-01",
        "state": "equilibrium",
        "locations": {"ids": ["walton"], "attributes": place},
    }))  # fmt: skip

# %% [markdown]
# ## The coupling
#
# Units are converted where the two meet, and nowhere else: each side is asked for its
# own. Walton sees 860 of the 1178 km² above the dam; the rest is taken to yield as
# much.

# %%
from bmi_dmx.units import convert

AREA = 1178.0  # km2


def together(capacity, demand=12.0):
    """Run two years; return days × (inflow, release, spill, storage)."""
    with open("dam.csv", "w", encoding="utf-8") as file:
        file.write(f"{capacity},{demand}")
    river, dam = DeltaHbv(), Reservoir()
    river.initialize("walton.yaml")
    dam.initialize("dam.csv")
    depth = f"{river.get_var_units('streamflow')} km2"
    series = []
    for day in range(len(data.time)):
        for name, values in data.forcing.items():
            river.set_value(name, values[day])
        river.update()
        flow = river.get_value_ptr("streamflow") * AREA
        dam.set_value("inflow", convert(flow, depth, dam.get_var_units("inflow")))
        dam.update()
        assert river.get_current_time() == dam.get_current_time()
        series.append(
            [dam.get_value_ptr(n)[0] for n in ("inflow", "release", "spill", "storage")]
        )
    river.finalize()
    return np.array(series)


built = together(capacity=362e6)  # m3, about that of Cannonsville

# %% Two years of the reservoir. From above: what flows in, what the town gets and what goes over the spillway, and what is stored.
import matplotlib.pyplot as plt

days = np.datetime64("1979-01-01") + np.arange(len(built))
inflow, release, spill, storage = built.T
figure, rows = plt.subplots(3, sharex=True, figsize=(7.5, 6))
rows[0].plot(days, inflow)
rows[0].set_ylabel("inflow, m³/s")
rows[1].plot(days, release, color="C2", label="town")
rows[1].plot(days, spill, color="C1", label="spillway")
rows[1].set_ylabel("outflow, m³/s")
rows[1].legend()
rows[2].fill_between(days, storage / 1e6, color="C4", alpha=0.5)
rows[2].axhline(362, color="0.5", linestyle=":")
rows[2].set_ylabel("stored, million m³")

lost = inflow.sum() * 86400 - (release + spill).sum() * 86400 - (storage[-1] - 181e6)
print(f"water lost in the coupling: {lost:.1e} m³")

# %% [markdown]
# ## How large does it have to be?
#
# A run takes a fraction of a second, so try a few.

# %% Days in two years on which the town did not get all it asked for, by the size of the reservoir.
sizes = np.array([5, 10, 20, 40, 60, 80, 120, 160])  # million m3
short = [np.sum(together(1e6 * size)[:, 1] < 12.0 - 1e-9) for size in sizes]
figure, axes = plt.subplots(figsize=(6, 3.4))
axes.bar([str(size) for size in sizes], short)
axes.set_xlabel("capacity, million m³")
axes.set_ylabel("days short of water")

# %% [markdown]
# Several places at once, steps that differ, pymt and eWaterCycle:
# [coupling](../coupling.md).
