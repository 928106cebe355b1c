"""What a river is, in a few lines and a table."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import numpy as np

from ..data.identity import listed
from ..models.rivers.formats import FORMATS, River
from ..models.rivers.formats.channel import KNOWN
from ..tables import Column, print_table

__all__ = ["lines", "print_summary", "unusual"]

WIDTH = 80
"""Of a terminal."""

ROUNDING = 1e-6
"""Share by which a number in single precision may be off the end of what is usual."""


def print_summary(river: River) -> None:
    """Print what a river holds, what was assumed and repaired, and what is odd."""
    print(f"{river.path}: {FORMATS[river.format].about}\n")
    for name, text in lines(river):
        print(fill(
            f"{name:12}{text}", WIDTH, subsequent_indent=" " * 12,
            break_on_hyphens=False,
        ))  # fmt: skip
    print()
    _print_attributes(river)
    for title, texts in (("odd", unusual(river)), ("remarks", river.remarks)):
        if texts:
            print(f"\n{title}")
            for text in texts:
                short = text.removeprefix(f"{river.path}: ")
                print(fill(
                    short, WIDTH, initial_indent="  ", subsequent_indent="    ",
                    break_on_hyphens=False,
                ))  # fmt: skip


def lines(river: River) -> list[tuple[str, str]]:
    """Return what there is to say of a river, by keyword."""
    tree = river.tree
    outlets = [tree.ids[k] for k in np.flatnonzero(tree.downstream < 0).tolist()]
    above = np.bincount(tree.downstream[tree.downstream >= 0], minlength=1)
    lines = [
        ("reaches", f"{len(tree)} in {len(tree.levels)} levels; at most {above.max()} "
                    f"drain into one; highest order (Strahler) {tree.strahler.max()}"),
        ("outlets", _named(outlets)),
    ]  # fmt: skip
    if "length" in river.attributes:
        length = river.attributes["length"]
        lines.append((
            "length", f"{length.sum() / 1e3:.6g} km in all; a reach "
            f"{length.min():.4g} to {length.max():.4g} m",
        ))  # fmt: skip
    if "drainage_area_km2" in river.attributes:
        area = river.attributes["drainage_area_km2"][tree.downstream < 0]
        lines.append(("area", f"{area.sum():.6g} km2 drain through the outlets"))
    if tree.longitude is not None and tree.latitude is not None:
        east, north = tree.longitude, tree.latitude
        lines.append((
            "where", f"{east.min():.2f} to {east.max():.2f} degrees east, "
            f"{north.min():.2f} to {north.max():.2f} degrees north",
        ))  # fmt: skip
    lines.append(("gauges", _named(list(river.gauges))))
    lakes = () if river.lakes is None else river.lakes.ids
    lines.append(("lakes", _named(lakes)))
    if river.entering:
        lines.append((
            "inflow", f"may come by reach, or by {len(river.entering)} other names "
            f"({listed(list(river.entering))})",
        ))  # fmt: skip
    return lines


def _named(names: Sequence[str]) -> str:
    return f"{len(names)} ({listed(names)})" if names else "none"


def _print_attributes(river: River) -> None:
    values = list(river.attributes.values())
    finite = [x[~np.isnan(x)] for x in values]
    print_table([
        Column(header="attribute", values=list(river.attributes)),
        Column(header="units", values=[river.units.get(n, "")
                                       for n in river.attributes]),
        *(
            Column(
                header=header, format=".4g",
                values=[float(find(x)) if x.size else None for x in finite],
            )
            for header, find in (
                ("least", np.min), ("median", np.median), ("greatest", np.max)
            )
        ),
        Column(header="missing", values=[int(np.isnan(x).sum()) for x in values]),
    ])  # fmt: skip


def unusual(river: River) -> list[str]:
    """Return what to say of numbers outside what is usual, for each attribute."""
    remarks = []
    for entry in KNOWN:
        variable = entry.variable
        values = river.attributes.get(variable.name)
        if values is None:
            continue
        low, high = variable.limits
        margin = ROUNDING * abs(low), ROUNDING * abs(high)
        out = np.flatnonzero((values < low - margin[0]) | (values > high + margin[1]))
        units = "" if variable.units == "1" else f" {variable.units}"
        if out.size:
            names = [
                f"{river.tree.ids[k]}: {values[k]:.4g}" for k in out.tolist()
            ]  # fmt: skip
            remarks.append(
                f"{variable.name}: {out.size} of {len(river)} not within "
                f"{variable.expected}{units} ({listed(names)})"
            )
    return remarks
