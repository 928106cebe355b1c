"""The demonstration of assimilation: what gauges of the Delaware are worth."""

from __future__ import annotations

import sys
from pathlib import Path

from .. import config
from ..conversion import convert
from ..twins.hindcast import Hindcast, hindcasts, made, shown
from ..twins.hindcast_pictures import draw

__all__ = ["assimilation_demo"]

EXPERIMENT = "delaware"


def assimilation_demo(output: Path) -> None:
    """Forecast a year of the Delaware with and without its gauges, and draw it.

    Parameters
    ----------
    output : Path
        Folder of the pictures: ``scores.png`` and ``forecasts.png``.
    """
    path = hindcasts()[EXPERIMENT]
    settings = convert(config.read(path), Hindcast, str(path))
    _say("1/2  following 1980 day by day, and forecasting ten days from each")
    found = made(settings, path.parent)
    _say("2/2  scores and pictures\n")
    print(shown(found, found.leads.efficiency(), settings.about))
    for file in draw(output, found):
        print(file)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
