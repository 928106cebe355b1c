# %% [markdown]
# # Your own basins
#
# You have rain, temperature and measured flow of some gauges, in tables of text. At the
# end of this page they have become a trained model that can be run anywhere.
#
# `dmx new` writes a project that runs as it is: twelve gauges of the Delaware River,
# whose tables you replace by your own.

# %% language="bash"
# dmx new my-basins
# head -3 my-basins/data/01450500.csv
# head -3 my-basins/data/stations.csv

# %% [markdown]
# ## Look before you train
#
# `dmx data check` says how the tables were understood. Everything that is wrong with a
# data set is told at once, each with its file and line.

# %% language="bash"
# dmx data check my-basins/data

# %% [markdown]
# ## Train
#
# `experiment.yaml` says what is learned and how; any value can be replaced on the
# command line. A training of 80 steps takes seconds, and is too short for a good
# model. What is printed on the way are scores of days from which nothing is learned.

# %% language="bash"
# cd my-basins
# dmx train experiment.yaml \
#     training.steps=80 training.validate_every=40 2>&1

# %% [markdown]
# ## Is it any good?
#
# The test period is looked at once, when everything is chosen. An NSE of 1 is a perfect
# simulation; 0 is as good as always saying the mean flow of the gauge.

# %% language="bash"
# cd my-basins
# dmx evaluate runs/my-basins-1 > scores.txt
# head -8 scores.txt
# ls runs/my-basins-1/test

# %% [markdown]
# Scores of every gauge, and observed and simulated flow, lie in that folder beside the
# pictures.

# %% Observed and simulated flow of 1980 at the best gauge and at one in the middle of the ranking. Nothing of this year was learned from.
import csv

import matplotlib.pyplot as plt
import netCDF4
import numpy as np

test = "my-basins/runs/my-basins-1/test"
with open(f"{test}/scores.csv", encoding="utf-8") as file:
    nse = {row["basin_id"]: float(row["nse"]) for row in csv.DictReader(file)}
ranked = sorted(nse, key=nse.get, reverse=True)

with netCDF4.Dataset(f"{test}/streamflow.nc") as file:
    ids = [str(name) for name in file["basin_id"][:]]
    days = np.datetime64("1980-01-01") + np.arange(len(file["time"]))
    figure, rows = plt.subplots(2, sharex=True, figsize=(7.5, 5))
    for axes, gauge in zip(rows, (ranked[0], ranked[len(ranked) // 2])):
        at = ids.index(gauge)
        axes.plot(days, file["observed"][:, at], color="black", label="observed")
        axes.plot(days, file["simulated"][:, at], color="C1", label="simulated")
        axes.set_ylabel("streamflow, mm/d")
        axes.set_title(f"gauge {gauge}: NSE {nse[gauge]:.2f}")
    rows[0].legend()

# %% [markdown]
# ## Take it with you
#
# `dmx export` makes a *bundle* of the run: a folder of three files without executable
# code, which runs without PyTorch. It asks for weather, and for what the model reads of
# a place: here a table of one gauge and its row of attributes.

# %% language="bash"
# cd my-basins
# dmx export runs/my-basins-1 bundle
# dmx data attributes data --output all.csv
# (head -1 all.csv; grep 01474500 all.csv) > place.csv
# dmx run bundle data/01474500.csv --attributes place.csv \
#     --state equilibrium --output flow.nc

# %% [markdown]
# How to go on: [data](../data.md) of your own kind, what an experiment may say in
# [training](../training.md), and the bundle [behind BMI](../bmi.md), in
# [NextGen](../nextgen.md), or as an [ensemble](../ensembles.md) of several.
