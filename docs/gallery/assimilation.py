# %% [markdown]
# # A gauge corrects a model
#
# A model of a river basin runs from day to day, and its errors pile up: too much snow
# in March is too high a flow in April. A gauge at the outlet sees the flow. What does
# it say about what cannot be seen, the water in the soil and below? *Assimilation*
# answers: many copies of the model run side by side, each with rain of its own. Those
# with too much flow have too much water in store as well, so what the gauge sees moves
# both.
#
# The place is the West Branch Delaware at Walton, New York, with two years of weather
# from the shipped sample.

# %%
import numpy as np

from bmi_dmx import Component, load_bundle
from bmi_dmx.config import as_yaml
from bmi_dmx.trainer.tasks.basins.data.read import read
from bmi_dmx.trainer.tasks.basins.data.spec import DataSpec

data = read(DataSpec(reader="delaware", attributes="both", basins=["01423000"]))
needed = [a.name for a in load_bundle("dhbv-conus-daily").manifest.attributes]
attributes = {n: float(data.attributes[n][0]) for n in [*needed, "latitude"]}
settings = {
    "bundle": "dhbv-conus-daily",
    "start_time": "1979-01-01",
    "state": "equilibrium",
    "locations": {"ids": ["walton"], "attributes": attributes},
}
weather = {name: x.astype(float) for name, x in data.forcing.items()}

# %% [markdown]
# With a block `assimilation` in its configuration a component holds an ensemble. The
# block says what is observed and how well, how uncertain the rain is, and which filter
# is used.

# %%
assimilation = {
    "members": 32,
    "filter": {"name": "etkf"},
    "observed": {"streamflow": {"error": {"relative": 0.1, "absolute": 0.05}}},
    "perturbations": {"forcing": {"precipitation": {"kind": "lognormal", "std": 0.4}}},
    "seed": 1,
}
stores = ("soil_moisture", "lower_zone")


def run(forcing, observed=None):
    """Step two years; return flow and stores of every day, mm/d and mm."""
    block = {} if observed is None else {"assimilation": assimilation}
    with open("walton.yaml", "w", encoding="utf-8") as file:
        file.write(as_yaml({**settings, **block}))
    model = Component()
    model.initialize("walton.yaml")
    series = {name: [] for name in ("streamflow", *stores)}
    for day in range(len(data.time)):
        for name in model.runner.forcing:
            model.set_value(name, forcing[name][day])
        if observed is not None:
            model.set_value("streamflow~observed", observed[day])
        model.update()
        for name, values in series.items():
            values.append(model.get_value(name, np.empty(1))[0])
    return {name: np.array(values) for name, values in series.items()}


# %% [markdown]
# ## First where the truth is known
#
# In a *twin* the truth is the model itself, with other rain than the one it is told of.
# The gauge sees its flow, and we see all.

# %%
rng = np.random.default_rng(1)
wrong = rng.lognormal(-0.08, 0.4, weather["precipitation"].shape)
truth = run({**weather, "precipitation": weather["precipitation"] * wrong})
alone = run(weather)
corrected = run(weather, observed=truth["streamflow"][:, None])

# %% The twin in summer and autumn 1979. Of the three the gauge sees the flow alone; the water in the ground comes closer to the truth as well.
import matplotlib.pyplot as plt

days = np.datetime64("1979-01-01") + np.arange(len(data.time))
shown = slice(150, 330)
labels = {
    "streamflow": "streamflow, mm/d",
    "soil_moisture": "soil moisture, mm",
    "lower_zone": "lower zone, mm",
}
figure, rows = plt.subplots(3, sharex=True, figsize=(7.5, 6.5))
for axes, (name, label) in zip(rows, labels.items()):
    axes.plot(days[shown], truth[name][shown], color="black", label="truth")
    axes.plot(days[shown], alone[name][shown], color="C1", label="model alone")
    axes.plot(days[shown], corrected[name][shown], color="C0", label="with the gauge")
    axes.set_ylabel(label)
    without, with_gauge = (
        np.sqrt(np.mean((x[name] - truth[name])[180:] ** 2)) for x in (alone, corrected)
    )
    axes.set_title(
        f"root mean square error: {without:.2f} alone, {with_gauge:.2f} with the gauge"
    )
figure.legend(*rows[0].get_legend_handles_labels(), loc="outside upper right", ncols=3)

# %% [markdown]
# ## Then a real gauge
#
# The observed flow is not that of any model: weather, equations and parameters are all
# wrong a little. What is scored is the forecast of each day, made before its
# observation is looked at. Beside it stand two simple ones: what the gauge saw the day
# before (persistence), and the model's flow times the ratio of yesterday's observed
# flow to its own.

# %%
observed = data.target[:, 0].astype(float)
forecast = run(weather, observed=observed[:, None])

flow = alone["streamflow"]
forecasts = {
    "model alone": flow[1:],
    "persistence": observed[:-1],
    "scaled by yesterday": flow[1:] * observed[:-1] / flow[:-1],
    "with the gauge": forecast["streamflow"][1:],
}
scored, seen = slice(365, None), observed[1:]  # the second year


def nse(values, truth):
    """Return 1 of a perfect forecast, 0 of one that always says the mean."""
    return 1 - np.mean((values - truth) ** 2) / np.var(truth)


print("                     NSE   NSE of the logarithm")
for name, values in forecasts.items():
    pair = values[scored], seen[scored]
    print(f"{name:20} {nse(*pair):.2f}  {nse(*map(np.log, pair)):.2f}")

# %% [markdown]
# The NSE looks at floods. They come with the rain of their day, of which the day before
# says nothing: the model alone is better at them than anything that follows the gauge.
# The NSE of the logarithm looks at all the other days. There the gauge mends much of
# what the model does wrong, and persistence, which knows nothing else, is better still:
# one day ahead a river in a dry summer is what it was. It knows no soil, no snow and no
# tomorrow's rain; the corrected model does.

# %% Forecasts one day ahead at Walton in spring 1980, with the weather of the day.
shown = slice(420, 500)
figure, axes = plt.subplots()
axes.plot(days[1:][shown], seen[shown], "k.", label="observed")
axes.plot(
    days[1:][shown], forecasts["model alone"][shown], color="C1", label="model alone"
)
axes.plot(
    days[1:][shown],
    forecasts["with the gauge"][shown],
    color="C0",
    label="with the gauge",
)
axes.set_ylabel("streamflow, mm/d")
axes.legend()

# %% [markdown]
# In operation the same block reads files of gauges, runs behind BMI in any host, and
# logs what became of every observation: [assimilation in
# operation](../assimilation-operation.md). Filters on chaotic systems are compared in
# [assimilation](../assimilation.md).
