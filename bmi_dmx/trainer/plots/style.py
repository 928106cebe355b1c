"""One look for all pictures: colours, lines, and the file they end in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ...errors import DataError
from ...files import atomic

__all__ = [
    "COLOURS",
    "INK",
    "MUTED",
    "OBSERVED",
    "SIMULATED",
    "PathLike",
    "dates",
    "picture",
    "with_units",
]

PathLike = str | os.PathLike[str]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Distinguishable with any colour vision (Okabe & Ito 2008)."""

INK, MUTED, FAINT = "#222222", "#6b7280", "#e5e7eb"
OBSERVED, SIMULATED = INK, COLOURS[1]

# matplotlib types the keys as a list of literals that grows with its versions.
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.7,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "savefig.dpi": 160,
    "svg.hashsalt": "bmi_dmx",
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
}


@contextmanager
def picture(path: PathLike, width: float, height: float) -> Iterator[Figure]:
    """Give an empty figure, which is saved when the block succeeds.

    Parameters
    ----------
    path : path-like
        Target; its suffix names the format.
    width, height : float
        Size in inches.

    Raises
    ------
    DataError
        If the suffix names no format that can be written.
    """
    kind = os.path.splitext(path)[1].lstrip(".").lower()
    formats = Figure().canvas.get_supported_filetypes()
    if kind not in formats:
        raise DataError(
            f"{path}: suffix {kind!r} is no picture format, expected one of "
            f"{', '.join(sorted(formats))}"
        )
    with mpl.rc_context(STYLE), atomic(path) as temporary:
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        figure.savefig(temporary, format=kind)


def with_units(name: str, units: str) -> str:
    """Return ``name (units)`` with exponents set high; nothing for dimensionless."""
    if units == "1":
        return name
    raised = re.sub(r"(?<=[A-Za-z])-?[0-9]+", _superscript, units)
    return f"{name} ({raised.replace('degC', '°C')})"


def _superscript(digits: re.Match[str]) -> str:
    return digits.group().translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def dates(axes: Axes, time: NDArray[np.datetime64]) -> None:
    """Let the x axis span the times, with a few short labels."""
    locator = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    labels = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(labels)
    axes.set_xlim(time[0], time[-1])
