# %% [markdown]
# # A day of a leaf
#
# A leaf opens its pores, the stomata, to take up carbon dioxide, and loses water
# through them. How wide it opens them follows from light, warmth, dry air, and from
# what kind of leaf it is. This is not hydrology, and runs by the same means: a process
# is declared, a network gives its parameters, a bundle is stepped behind BMI.
#
# `leaf-c3-made` comes with the package. Its network reads climate, mass and nitrogen of
# a leaf. The leaves that it learned from were made, not measured.

# %%
from pathlib import Path

import numpy as np

from bmi_dmx import Leaf

Path("leaves.yaml").write_text("""
start_time: 2000-06-01
time_step: 1 h
locations:
  ids: [oak, shrub]
  attributes:
    mean_temperature: [11.0, 17.0]    # degC
    aridity: [0.8, 2.5]
    leaf_mass_per_area: [90.0, 140.0] # g m-2
    leaf_nitrogen: [22.0, 15.0]       # mg g-1
    leaf_width: [0.06, 0.01]          # m
""")
leaves = Leaf()
leaves.initialize("leaves.yaml")
for name in ("vcmax25", "stomatal_slope", "rd25"):
    print(
        f"{name:15}",
        leaves.get_value(name, np.empty(2)).round(2),
        leaves.get_var_units(name),
    )

# %% [markdown]
# A warm day in June, hour by hour. The air is driest in the afternoon.

# %%
clock = np.arange(0, 24)
sun = np.clip(np.sin(np.pi * (clock - 5) / 14), 0.0, None)
warm = np.clip(np.sin(np.pi * (clock - 8) / 14), -0.3, None)
weather = {
    "photon_flux": 1800 * sun,
    "air_temperature": 18 + 11 * warm,
    "carbon_dioxide": np.full(24, 420.0),
    "vapour_pressure_deficit": 900 + 1900 * warm,
    "air_pressure": np.full(24, 98000.0),
    "wind_speed": np.full(24, 1.5),
}
outputs = ("net_assimilation", "stomatal_conductance", "sap_flow")
day = {name: np.empty((24, 2)) for name in outputs}
for hour in clock:
    for name, series in weather.items():
        leaves.set_value(name, np.full(2, series[hour]))
    leaves.update()
    for name in outputs:
        day[name][hour] = leaves.get_value(name, np.empty(2))
units = {name: leaves.get_var_units(name) for name in outputs}
leaves.finalize()

# %% Two leaves on the same day. In dry air both narrow their stomata; the leaf of the shrub loses less water by what it opens less.
import matplotlib.pyplot as plt

figure, rows = plt.subplots(
    4, sharex=True, figsize=(7.5, 7.5), height_ratios=(1.2, 2, 2, 2)
)
rows[0].fill_between(clock, weather["photon_flux"], color="C5", alpha=0.5)
rows[0].set_ylabel("light\nµmol m⁻² s⁻¹")
dry = rows[0].twinx()
dry.plot(clock, weather["vapour_pressure_deficit"] / 1000, color="C3")
dry.set_ylabel("deficit, kPa", color="C3")
dry.grid(False)
labels = (
    "carbon uptake\nµmol m⁻² s⁻¹",
    "conductance\nmol m⁻² s⁻¹",
    "water loss\nkg m⁻² h⁻¹",
)
for axes, name, label in zip(rows[1:], outputs, labels):
    axes.plot(clock, day[name], label=["oak", "shrub"])
    axes.set_ylabel(label)
rows[1].legend()
rows[3].set_xlabel("hour of the day")

# %% [markdown]
# ## What a chamber can tell
#
# The physics is differentiable, so its parameters can be found from measurements by
# going downhill. A chamber measures uptake and conductance of one leaf, with errors of
# 5 %; we ask for its capacity and its stomatal slope. The truth is 55 and 4.

# %%
import torch

from bmi_dmx import scan
from bmi_dmx.models.ecosystem.leaf import Leaf as LeafProcess

forcing = {name: torch.from_numpy(series)[:, None] for name, series in weather.items()}
measured = ("net_assimilation", "stomatal_conductance")


def simulated(vcmax25, slope):
    parameters = {
        "vcmax25": vcmax25.view(1, 1),
        "stomatal_slope": slope.view(1, 1),
        "rd25": 0.8,
    }
    return scan(
        LeafProcess(), None, forcing, parameters, dt=3600.0, outputs=measured
    ).outputs


with torch.no_grad():
    true = simulated(torch.tensor(55.0).double(), torch.tensor(4.0).double())
noise = torch.Generator().manual_seed(0)
seen = {
    name: x * (1 + 0.05 * torch.randn(x.shape, generator=noise, dtype=x.dtype))
    for name, x in true.items()
}

logs = torch.tensor([100.0, 8.0]).double().log().requires_grad_()
optimizer = torch.optim.Adam([logs], lr=0.05)
way = []
for _ in range(150):
    optimizer.zero_grad()
    found = simulated(*logs.exp())
    loss = sum(((found[n] - seen[n]) / seen[n].std()).square().mean() for n in measured)
    loss.backward()
    optimizer.step()
    way.append(logs.detach().exp().tolist())
print(f"found: capacity {way[-1][0]:.1f}, slope {way[-1][1]:.2f}")

# %% The way of 150 steps from a wrong start to the leaf that was measured.
way = np.array(way)
figure, axes = plt.subplots(figsize=(6, 3.6))
axes.plot(*way.T, ".-", markersize=3, label="search")
axes.plot(55, 4, "k*", markersize=12, label="truth")
axes.set_xlabel("capacity for carboxylation at 25 °C, µmol m⁻² s⁻¹")
axes.set_ylabel("stomatal slope")
axes.legend()

# %% [markdown]
# Equations, sources and what can be learned from which measurements:
# [leaves](../ecosystem.md).
