# %% [markdown]
# # A flood down a river
#
# A storm falls on the head of the Delaware River. When does Trenton, 360 km below, see
# it, and how high is the wave by then? Water is routed here through 456 reaches, hour
# by hour, in channels whose roughness and width a neural network gives. It learned them
# from gauges of this river, and reads nothing but the slope of a reach and how much
# river lies above it, so it answers for any other as well.

# %% language="bash"
# dmx river delaware | sed -n 3,8p

# %% [markdown]
# ## The storm
#
# It is a wet spring: everywhere the land yields 20 litres a second from a square
# kilometre. In the north 20 mm run off besides, within two days.

# %%
import numpy as np

from bmi_dmx.models.rivers.formats import read_river

river = read_river("delaware")
area = river.attributes["area_km2"]  # of the land that drains into each reach
north = river.attributes["latitude"] > 41.6
print(f"{area[north].sum():.0f} of {area.sum():.0f} km² get the storm")

hours, first, length = 6 * 24, 12, 48
course = np.zeros(hours)  # of the storm, 1 on the average of its hours
course[first : first + length] = (
    2 * np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2
)
base = 0.020 * area  # m³/s
storm = np.where(north, 0.020 * area * 1e6 / (length * 3600), 0.0)

# %% [markdown]
# ## The river behind BMI
#
# A component reads a small file, and is then driven like any BMI model: set what
# enters, update, look at the flow. `state: hot` begins with the steady flow of the
# first inflow.

# %%
from pathlib import Path

from bmi_dmx import MuskingumCunge

Path("river.yaml").write_text("start_time: 2000-04-01\ntree: delaware\nstate: hot\n")
model = MuskingumCunge()
model.initialize("river.yaml")

flow = np.empty((hours, len(area)))
for hour in range(hours):
    model.set_value("lateral_inflow", base + course[hour] * storm)
    model.update()
    flow[hour] = model.get_value_ptr("discharge")

entered, left, stored = (
    model.get_value(f"ngen::mass_{term}", np.empty(1))[0]
    for term in ("in", "out", "stored")
)
print(f"{entered / 1e6:.0f} million m³ entered")
print(f"{entered - left - stored:.0e} m³ were lost on the way")

# %% The wave at five gauges. It takes more than a day from the head of the river (Cooks Falls) to its tidal end (Trenton). Grey: when the storm falls.
import matplotlib.pyplot as plt

gauges = {
    "Cooks Falls": "01420500",
    "Callicoon": "01427510",
    "Port Jervis": "01434000",
    "Belvidere": "01446500",
    "Trenton": "01463500",
}
ids = list(river.tree.ids)
reach = {name: ids.index(river.gauges[gauge]) for name, gauge in gauges.items()}

days = np.arange(1, hours + 1) / 24
figure, axes = plt.subplots()
axes.axvspan(first / 24, (first + length) / 24, color="0.92")
for name, at in reach.items():
    highest = flow[:, at].argmax() + 1 - first
    axes.plot(days, flow[:, at], label=f"{name}: highest after {highest} h")
axes.set_xlabel("days")
axes.set_ylabel("flow, m³/s")
axes.set_ylim(0)
axes.legend()

# %% [markdown]
# The sharper a storm, the more its wave steepens into a front. Steps of an hour do not
# follow one well: of a storm of half a day the peak at Trenton would be one of the
# scheme, not of the river. [Physics of rivers](../rivers-physics.md) says where the
# limits are.

# %% [markdown]
# ## On the map
#
# A reach has no coordinates in this file, but the land that drains into it has.

# %% Hours from the beginning of the storm to the highest flow of each reach, where the storm reaches at all; elsewhere grey. Lines are as wide as the area above is large.
from importlib.resources import files

import netCDF4
from matplotlib.collections import LineCollection

with netCDF4.Dataset(str(files("bmi_dmx") / "data" / "delaware_1979_1980.nc")) as file:
    drains = np.asarray(file["hru_segment"][:])  # counted from 1; 0 is none
    segments = np.asarray(file["segment_id"][:])
    units = np.stack([file["hru_lon"][:], file["hru_lat"][:]], axis=1)

land = {
    str(segment): units[drains == k].mean(axis=0)
    for k, segment in enumerate(segments, start=1)
    if (drains == k).any()
}
below = river.tree.downstream


def middle(at):
    """Return the middle of the land of a reach, or of the next below that has some."""
    while ids[at] not in land and below[at] >= 0:
        at = below[at]
    return land.get(ids[at], (np.nan, np.nan))


places = np.array([middle(at) for at in range(len(ids))])
links = np.flatnonzero(below >= 0)
lines = np.stack([places[links], places[below[links]]], axis=1)
drawn = ~np.isnan(lines).any(axis=(1, 2))
links, lines = links[drawn], lines[drawn]
width = 0.4 + 3.5 * np.sqrt(river.attributes["drainage_area_km2"][links] / 3e4)
reached = (flow.max(axis=0) > 1.2 * flow[0])[links]
after = flow.argmax(axis=0)[links] + 1.0 - first

figure, axes = plt.subplots(figsize=(5.5, 6.5))
axes.add_collection(LineCollection(lines, linewidths=width, color="0.8"))
wave = LineCollection(lines[reached], linewidths=width[reached], cmap="viridis_r")
wave.set_array(after[reached])
axes.add_collection(wave)
figure.colorbar(wave, label="hours to the highest flow", shrink=0.7)
for name, at in reach.items():
    axes.plot(*places[at], "o", color="C1", markersize=4)
    axes.annotate(
        name, places[at], xytext=(6, -3), textcoords="offset points", fontsize=9
    )
axes.set_aspect(1.3)
axes.autoscale_view()
axes.set_xlabel("degrees east")
axes.set_ylabel("degrees north")

# %% [markdown]
# Inflow of your own, from a model, from a file or from ngen, is routed by one command,
# `dmx route`; see [rivers](../rivers.md). How channels are learned is told in [training
# rivers](../rivers-training.md).
