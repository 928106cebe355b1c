"""The demonstration of assimilation: what gauges of the Delaware are worth."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from .. import config
from ..twins.hindcast import Hindcast, hindcast_of, hindcasts, shown
from ..twins.hindcast_pictures import draw

__all__ = ["assimilation_demo"]

EXPERIMENT = "delaware"


def assimilation_demo(output: Path, settings: Iterable[str] = ()) -> None:
    """Forecast a year of the Delaware with and without its gauges, and draw it.

    Parameters
    ----------
    output : Path
        Folder of the pictures: ``scores.png`` and ``forecasts.png``.
    settings : iterable of str
        ``key.key=value`` settings that replace those of the shipped hindcast
        ``delaware``.
    """
    path = hindcasts()[EXPERIMENT]
    hindcast = config.load(path, Hindcast, settings)
    _say("1/2  following 1980 day by day, and forecasting ten days from each")
    forecasts = hindcast_of(hindcast, path.parent)
    _say("2/2  scores and pictures\n")
    print(shown(forecasts, forecasts.leads.efficiency(), hindcast.about))
    for file in draw(output, forecasts):
        print(file)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
