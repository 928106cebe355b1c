# %% [markdown]
# # How long a warm sea stays warm
#
# A patch of sea that is warmer than usual is still so next month, and mostly not next
# year. A forecast of such *anomalies* has to say how fast they fade, where they are
# carried and what else follows from them. Here physics with learned maps, a linear
# inverse model and a neural network share that work.
#
# The sea of this page is made: it follows rules that are known, and two continents lie
# in it. What the same model does in the real one is told in [sea
# surface](../ocean-anomaly.md#scores).

# %%
from pathlib import Path

from bmi_dmx.models.ocean.made_sea import made_sea

path = made_sea(Path("made_sea.nc"))

# %% [markdown]
# ## Train on thirty years, look at five others
#
# An experiment is one file, and this one comes with the package. Here it is cut short
# to seconds.

# %% language="bash"
# dmx train ocean_sample data.source=made_sea.nc \
#     training.steps=60 training.validate_every=20 2>&1
# dmx evaluate runs/ocean-sample-1
# dmx export runs/ocean-sample-1 sea

# %% [markdown]
# `climatology` says that nothing is unusual; `persistence`, that all stays as it is;
# `damped`, that it fades as it usually does; `lim20` and `lim15` are linear inverse
# models. They are what a trained model has to beat. Up to half a year it does, by less
# than a hundredth; a year ahead climatology is as good. A sea that was made by few rules
# has no more to teach.

# %% Errors of forecasts of the five test years, by how far they look ahead. Lower is better; a forecast that knows nothing has the error of the climatology.
import csv

import matplotlib.pyplot as plt
import numpy as np

with open("runs/ocean-sample-1/test/scores.csv", encoding="utf-8") as file:
    scores = list(csv.DictReader(file))
figure, axes = plt.subplots(figsize=(6.5, 3.8))
names = {
    "persistence": "persistence",
    "climatology": "climatology",
    "lim20": "linear inverse model",
    "damped": "damped anomaly",
    "model": "trained model",
}
for name, label in names.items():
    own = [row for row in scores if row["forecast"] == name]
    leads, errors = ([float(row[key]) for row in own] for key in ("lead", "rmse"))
    style = {"color": "black", "linestyle": "--"} if name == "model" else {}
    axes.plot(leads, errors, marker="o", label=label, **style)
axes.set_xlabel("months ahead")
axes.set_xticks([1, 2, 3, 6, 12])
axes.set_ylabel("root mean square error, K")
axes.legend()

# %% [markdown]
# ## Forecast
#
# The bundle needs a file of what was observed and a date. Nothing that was observed
# later is read.

# %% language="bash"
# dmx run sea made_sea.nc \
#     --forecast-from 1998-01 --steps 12 --output forecast.nc 2>&1

# %% Anomalies that were forecast at the end of 1997, and those that came. Grey is land. What was disturbed in between no forecast can know, so it is calmer than the sea.
import netCDF4

with netCDF4.Dataset("made_sea.nc") as file:
    sea = file["sst"][:].filled(np.nan)  # from January 1960 on, months
    north, east = np.asarray(file["lat"][:]), np.asarray(file["lon"][:])
with netCDF4.Dataset("forecast.nc") as file:
    forecast = file["anomaly"][:].filled(np.nan)

# 1960 to 1989, by month; then 1998
usual = np.stack([sea[month:360:12].mean(axis=0) for month in range(12)])
came = sea[456:468] - usual
forecast = np.where(np.isnan(came), np.nan, forecast)

figure, rows = plt.subplots(2, 2, sharex=True, sharey=True, figsize=(7.5, 4.2))
for column, month, title in ((0, 0, "January 1998"), (1, 2, "March 1998")):
    for axes, field, what in zip(
        rows[:, column], (forecast[month], came[month]), ("forecast", "made")
    ):
        shown = axes.pcolormesh(east, north, field, cmap="RdBu_r", vmin=-1.2, vmax=1.2)
        axes.set_title(f"{what}, {title}")
        axes.grid(False)
        axes.set_facecolor("0.75")
for axes in rows[1]:
    axes.set_xlabel("degrees east")
for axes in rows[:, 0]:
    axes.set_ylabel("degrees north")
figure.colorbar(shown, ax=rows, label="anomaly, K", shrink=0.8)

# %% The same around the equator, month by month (a Hovmöller diagram): left what was forecast, right what came.
near = np.abs(north) <= 15
weights = np.cos(np.radians(north[near]))[:, None] * ~np.isnan(came[0, near])
figure, columns = plt.subplots(1, 2, sharex=True, sharey=True, figsize=(7.5, 3.4))
for axes, field, what in zip(columns, (forecast, came), ("forecast", "made")):
    total = (np.nan_to_num(field[:, near]) * weights).sum(axis=1)
    mean = total / np.where(weights.sum(axis=0) > 0, weights.sum(axis=0), np.nan)
    shown = axes.pcolormesh(
        east, np.arange(1, 13), mean, cmap="RdBu_r", vmin=-0.8, vmax=0.8
    )
    axes.set_title(what)
    axes.set_xlabel("degrees east")
    axes.set_facecolor("0.75")
columns[0].set_ylabel("month of 1998")
figure.colorbar(shown, ax=columns, label="anomaly, K", shrink=0.9)

# %% [markdown]
# Real data, scores beside those of other methods, and where the model is worse than a
# linear one: [sea surface](../ocean-anomaly.md).
