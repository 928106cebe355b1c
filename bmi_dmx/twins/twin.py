"""What ``dmx da twin`` does."""

from __future__ import annotations

from argparse import Namespace
from contextlib import closing
from pathlib import Path

import numpy as np

from ..assimilation.truth import Truth, truth_of
from ..files import NETCDF, atomic, writing
from .files import experiment_of, run_of
from .report import Row, followed, record, shown, write_json

__all__ = ["twin"]


def twin(options: Namespace) -> None:
    """Follow a system with one filter, and show how well it did."""
    experiment = experiment_of(options)
    run = run_of(options, experiment)
    truth = truth_of(experiment)
    row = followed(truth, run)
    name = options.system.stem
    print(shown(experiment, [row], experiment.about or name), end="")
    print(
        f"\n{1e3 * row.seconds / experiment.cycles:.2f} ms a cycle for "
        f"{len(run.settings) * experiment.seeds} problems side by side"
    )
    found = record(experiment, [row], name)
    if options.json is not None:
        write_json(options.json, found)
    if options.output is not None:
        write_json(options.output / "scores.json", found)
        _write_series(options.output / "series.nc", truth, row)
        from .pictures import draw

        for path in draw(options.output, truth, row):
            print(path)


def _write_series(path: Path, truth: Truth, row: Row) -> None:
    """Write scores of every cycle, CF NetCDF."""
    import netCDF4

    experiment, found = truth.experiment, row.followed
    series = {
        "rmse_analysis": (found.error, "error of the mean analysis"),
        "rmse_forecast": (found.forecast_error, "error of the mean forecast"),
        "spread": (found.spread, "spread of the analysis"),
        "crps": (found.crps, "continuous ranked probability score of the analysis"),
    }
    with (
        atomic(path) as temporary, writing(path), NETCDF,
        closing(netCDF4.Dataset(temporary, "w", format="NETCDF4")) as file,
    ):  # fmt: skip
        file.setncatts({"Conventions": "CF-1.10", "title": row.run.title})
        settings = np.array(row.run.settings)
        sizes = {
            "setting": len(settings), "series": experiment.seeds,
            "time": experiment.cycles,
        }  # fmt: skip
        for name, size in sizes.items():
            file.createDimension(name, size)
        time = file.createVariable("time", "f8", ("time",))
        time.setncatts({"long_name": "time of the system", "units": "1", "axis": "T"})
        time[:] = experiment.cycle * np.arange(1, experiment.cycles + 1)
        for k, name in enumerate(("inflation", "radius")):
            made = file.createVariable(name, "f8", ("setting",))
            made.units = "1"
            made[:] = settings[:, k]
        seed = file.createVariable("seed", "i8", ("series",))
        seed.long_name = "seed of the truth"
        seed[:] = np.asarray(truth.seeds)
        for name, (values, about) in series.items():
            made = file.createVariable(
                name, "f8", ("setting", "series", "time"), zlib=True, complevel=1
            )
            made.setncatts({"long_name": about, "units": "1"})
            made[:] = values
