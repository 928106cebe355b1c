# %% [markdown]
# # A process of your own
#
# How deep is a pond, if all you have is a thermometer in it and one in the air? A deep
# pond follows the air slowly. This page writes that sentence as a *process*, finds
# depths by going downhill, lets a network learn what they depend on, and steps the
# result behind BMI. One step is written once; the rest is derived from it.

# %% [markdown]
# ## The physics
#
# A process declares what goes in, what it remembers, what may be learned, and what
# comes out, each with units and bounds. `step` is one time step on whole tensors. Heat
# is accounted for: what the budget declares is summed up at every step, and can be read.

# %%
import numpy as np
import torch

from bmi_dmx.process import Budget, Process
from bmi_dmx.registries import processes
from bmi_dmx.variables import Flux, Forcing, Parameter, State

HEAT = 4.2  # of water, MJ m-3 K-1


@processes.register("pond")
class Pond(Process):
    """A mixed pond that exchanges heat with the air above it."""

    about = "a mixed pond that follows the air"
    time = "d"
    forcings = (Forcing(name="air", units="degC", about="mean temperature of the air"),)
    states = (State(name="heat", units="MJ m-2", about="heat stored, above 0 degC"),)
    parameters = (
        Parameter(name="depth", units="m", bounds=(0.2, 20.0), spacing="log"),
        Parameter(
            name="exchange",
            units="MJ m-2 d-1 K-1",
            bounds=(0.5, 10.0),
            default=2.5,
            per_step="rate",
        ),
    )
    fluxes = (
        Flux(name="warming", units="MJ m-2 d-1", per_step="rate"),
        Flux(name="water", units="degC", about="temperature of the pond"),
    )
    budgets = (
        Budget(
            name="heat",
            units="MJ m-2",
            inputs=("warming",),
            outputs=(),
            storages=("heat",),
        ),
    )

    def step(self, s, f, p):
        """Approach the air, by the share that the step is long enough for."""
        capacity = HEAT * p.depth
        share = 1.0 - torch.exp(-p.exchange / capacity)
        warming = share * (capacity * f.air - s.heat)
        heat = s.heat + warming
        return {"heat": heat}, {"warming": warming, "water": heat / capacity}


# %% [markdown]
# ## Downhill to the depth
#
# `scan` runs it over a series. It is compiled on the way, and gradients come with it.
# Three ponds of 0.5, 2 and 8 m were measured for a year, and all three searches begin
# at 3 m.

# %%
from bmi_dmx import scan

days = np.arange(365)
rng = np.random.default_rng(3)
air = 10 - 11 * np.cos(2 * np.pi * days / 365) + 4 * rng.normal(size=365)
forcing = {"air": torch.from_numpy(np.repeat(air[:, None], 3, axis=1))}
true = torch.tensor([[0.5], [2.0], [8.0]], dtype=torch.float64)


def water(depth):
    return scan(Pond(), None, forcing, {"depth": depth}, average=True).outputs["water"]


seen = water(true) + 0.3 * torch.from_numpy(rng.normal(size=(365, 3)))
log_depth = torch.full((3, 1), np.log(3.0), dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.Adam([log_depth], lr=0.1)
for _ in range(80):
    optimizer.zero_grad()
    (water(log_depth.exp()) - seen).square().mean().backward()
    optimizer.step()
print("found:", log_depth.exp().detach().numpy().ravel().round(2), "m")

# %% Four months of three ponds under the same air: dots are measured, lines are those of the depths that were found.
import matplotlib.pyplot as plt

found, depths = water(log_depth.exp()).detach(), log_depth.exp().detach().ravel()
shown = slice(90, 210)
figure, axes = plt.subplots()
axes.plot(days[shown], air[shown], color="0.8", label="air")
for k, depth in enumerate(depths.tolist()):
    axes.plot(days[shown], seen[shown, k], ".", color=f"C{k}", markersize=4)
    axes.plot(days[shown], found[shown, k], color=f"C{k}", label=f"{depth:.2f} m deep")
axes.set_xlabel("day of the year")
axes.set_ylabel("temperature, °C")
axes.legend()

# %% [markdown]
# ## Learn what the depth depends on
#
# One pond at a time is a fit. A model that knows ponds it has never seen needs the
# relation: here the more clay, the shallower. An experiment puts a network in front of
# the process, and the trainer (`dmx train` at the command line) does the rest.


# %%
def made_ponds(places=40, days=730):
    """Ponds in gravel and in clay: the more clay, the shallower."""
    rng = np.random.default_rng(0)
    clay = rng.uniform(0.0, 1.0, places)
    weather = rng.normal(0.0, 3.0, (days, places))
    for day in range(1, days):
        weather[day] += 0.8 * weather[day - 1]
    season = 10.0 - 11.0 * np.cos(2 * np.pi * np.arange(days) / 365)
    air = season[:, None] + weather
    depth = 8.0 * np.exp(-2.5 * clay)
    ran = scan(
        Pond(), None, {"air": torch.from_numpy(air)},
        {"depth": torch.from_numpy(depth)[:, None]}, average=True,
    )  # fmt: skip
    water = ran.outputs["water"].numpy() + rng.normal(0.0, 0.3, air.shape)
    return {
        "forcing": {"air": air},
        "attributes": {"clay": clay},
        "targets": {"water": water},
        "units": {"clay": "1"},
    }


# %%
from pathlib import Path

from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import train

Path("ponds.yaml").write_text("""
name: ponds
task: arrays
licence: CC0-1.0
data: {source: "__main__:made_ponds"}   # a function, as module:name
split: {validation: 0.2, test: 0.2}
model:
  seconds: 86400
  parts:
    parameters: {network: mlp, options: {hidden: [16]}, attributes: [clay], gives: [depth]}
    pond: {process: pond}
training: {steps: 200, batch: 12, warmup: 60, window: 120, validate_every: 50, optimizer: {rate: 0.02}}
""")
run = train("ponds.yaml")
print(export(run, Path("bundle")).path)

# %% [markdown]
# ## Behind BMI
#
# The bundle needs neither PyTorch nor the class above any more. Any host can step it.

# %%
from bmi_dmx import Component

clay = np.linspace(0.0, 1.0, 11)
Path("step.yaml").write_text(f"""
bundle: bundle
start_time: 2000-01-01
locations:
  ids: {[f"pond-{k}" for k in range(11)]}
  attributes: {{clay: {clay.tolist()}}}
""")
model = Component()
model.initialize("step.yaml")
print(model.get_input_var_names(), model.get_output_var_names())
for temperature in air:
    model.set_value("air", np.full(11, temperature))
    model.update()
depth = model.get_value("depth", np.empty(11))
gained, stored = (model.get_value_ptr(f"heat_budget_{n}") for n in ("in", "stored"))
print(f"heat that is not accounted for: {abs(gained - stored).max():.0e} MJ m-2")

# %% Depth over clay: the relation that made the ponds, and the one that the network found in their temperatures.
figure, axes = plt.subplots(figsize=(6, 3.6))
axes.plot(clay, 8 * np.exp(-2.5 * clay), color="black", label="as made")
axes.plot(clay, depth, "o", color="C1", label="learned")
axes.set_xlabel("clay, share of the soil")
axes.set_ylabel("depth, m")
axes.set_ylim(0)
axes.legend()

# %% [markdown]
# How a process becomes part of the package or of one of yours, and how places see each
# other: [adding a process](../developing.md#adding-a-process).
