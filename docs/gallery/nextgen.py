# %% [markdown]
# # A run folder of NextGen
#
# [NextGen](https://github.com/NOAA-OWP/ngen) runs one model in each catchment of a
# hydrofabric. bmi_dmx takes the seat of such a model. A run is prepared, checked and
# proven on any machine, without ngen; the folder then goes to ngen, or to NGIAB, as it
# is.
#
# The place is the Beaver Kill above Cooks Falls, New York: eight catchments, in a small
# domain that comes with the package.

# %% language="bash"
# dmx ngen sample domain
# dmx ngen prepare domain/sample.gpkg domain/forcing.nc \
#     --start "1980-03-10" --end "1980-04-20 23:00" --output run

# %% [markdown]
# The notes say what to know before numbers are trusted. The folder looks like this:

# %% language="bash"
# cd run && ls config config/cat_config/dmx forcings
# head -12 config/cat_config/dmx/cat-1451.yml

# %% [markdown]
# ## Check before it costs
#
# ngen stops at its first fault, and some faults it does not see. `dmx ngen check` reads
# all of the folder and says what is wrong, where, and how to mend it. Break something:

# %% language="bash"
# sed -i.orig 's/bmi_dmx.Component/bmi_dmx.Componet/' run/config/realization.json
# dmx ngen check run || true

# %% [markdown]
# Mend it:

# %% language="bash"
# mv run/config/realization.json.orig run/config/realization.json
# dmx ngen check run

# %% [markdown]
# ## Run
#
# `dmx ngen run` makes the calls that ngen makes, in their order, and writes the same
# files. Water is accounted for at every hour.

# %% language="bash"
# dmx ngen run run 2>&1

# %% [markdown]
# ## Look at it
#
# Snow lies on the hills. The rain of March 21 brings a flood within hours; then the snow
# melts for four weeks, by day more than by night.

# %% Six weeks of the Beaver Kill. From above: rain and snowfall, snow on the ground in each of the eight catchments, and flow into the nexuses, before it is routed.
from pathlib import Path

import matplotlib.pyplot as plt
import netCDF4
import numpy as np

outputs = Path("run/outputs/ngen")
with netCDF4.Dataset("run/forcings/forcings.nc") as file:
    rain = 3600.0 * np.asarray(file["precip_rate"][:]).mean(axis=0)  # mm/h
hours = np.datetime64("1980-03-10T00") + np.arange(len(rain))

figure, rows = plt.subplots(3, sharex=True, figsize=(7.5, 6.5), height_ratios=(1, 2, 3))
rows[0].bar(hours, rain, width=1 / 24, color="C4")
rows[0].set_ylabel("rain, mm/h")
rows[0].invert_yaxis()
for path in sorted(outputs.glob("cat-*.csv")):
    snow = np.loadtxt(path, delimiter=",", skiprows=1, usecols=3)
    rows[1].plot(hours, 1000.0 * snow, color="C0", alpha=0.6)
rows[1].set_ylabel("water in snow, mm")
for path in sorted(outputs.glob("nex-*_output.csv")):
    flow = np.loadtxt(path, delimiter=",", usecols=2)
    rows[2].plot(hours, flow, label=path.stem.removesuffix("_output"))
rows[2].set_ylabel("flow, m³/s")
rows[2].legend(title="into", ncols=2)
rows[2].set_title("each line is what enters one nexus from its own catchments")

# %% [markdown]
# The same folder goes to NGIAB without a change; see
# [NextGen](../nextgen.md#your-own-domain). How the flow moves on through the channels
# is shown in [A flood down a river](rivers.md).
