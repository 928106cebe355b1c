"""The demonstration of the ocean: a learned forecast of a made sea, and a real one."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from ..models.ocean.made_sea import made_sea
from ..run.unforced_forecast import Forecast, forecast
from ..trainer.evaluate import evaluate
from ..trainer.export import export
from ..trainer.fit import train
from .global_ocean import global_ocean_days

__all__ = ["ocean_demo"]

EXPERIMENT = "ocean_sample"

_MONTHS = 12

_DAYS = 5


def ocean_demo(output: Path, settings: Iterable[str] = ()) -> Path:
    """Train, score, export and forecast a made sea, and step a real ocean.

    Parameters
    ----------
    output : Path
        Folder of the results: ``made_sea.nc``, the run in ``training/``, the bundle,
        ``test/`` with scores and pictures, ``forecast.nc``, and ``global_ocean.png``.
    settings : iterable of str
        ``key.key=value`` settings that replace those of the shipped experiment
        ``ocean_sample``.

    Returns
    -------
    Path
        The forecast.
    """
    output.mkdir(parents=True, exist_ok=True)
    _say("1/5  making 40 years of a sea: no measurements, but rules that are known")
    file = made_sea(output / "made_sea.nc")
    _say("2/5  learning from 30 of them: maps of physics, and a network")
    options = [f"data.source={file.resolve()}", *settings]
    run = train(EXPERIMENT, options, root=output / "training")
    _say("3/5  scores of the last five years, beside forecasts without a model\n")
    evaluate(run, "test", output=output / "test").show()
    bundle = export(run, output / "bundle", overwrite=True)
    _say(f"4/5  forecasting {_MONTHS} months from 1998 on with {bundle.path}")
    path = forecast(
        Forecast(
            bundle=str(bundle.path), observed=file, start=datetime(1998, 1, 1),
            steps=_MONTHS, output=output / "forecast.nc",
        )
    )  # fmt: skip
    picture = output / "global_ocean.png"
    _say(f"5/5  {_DAYS} days of the global ocean at 4 degrees: {picture}")
    _say(global_ocean_days(picture, _DAYS))
    return path


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
