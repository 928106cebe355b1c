"""How much faster the compiled scan is than the readable loop, and has to be.

A ratio of two times of one run says the same on every machine, as seconds do not. Reads
what ``dmx bench scan --json FILE`` wrote, prints a table of Markdown, and fails where a
ratio is too low: ``python scripts/bench_ratios.py FILE``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

LEAST = {1: 150.0, 100: 8.0, 1000: 2.5}
"""Ratios by number of places, a third of what was measured when they were set."""

DOUBLED = 2.6
"""Most that twice the steps may take longer."""


def ratios(
    records: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[str, float, str, bool]]:
    """Yield what is compared, the ratio, what it has to be, and whether it is that."""
    times = {
        (r["case"], r["implementation"], r["parameters"], r["locations"], r["steps"]): r
        for r in records
        if r["case"] in ("scan", "length")
    }
    for (case, implementation, *sizes), record in times.items():
        kind, places, steps = sizes
        if case == "scan" and implementation == "cells" and places in LEAST:
            loop = times["scan", "reference", kind, places, steps]
            ratio = loop["both_s"] / record["both_s"]
            what = f"loop by kernel, {kind} parameters, {places} places"
            yield what, ratio, f"≥ {LEAST[places]:g}", ratio >= LEAST[places]
        longer = times.get(("length", implementation, kind, places, 2 * steps))
        if case == "length" and longer:
            ratio = longer["both_s"] / record["both_s"]
            what = f"{2 * steps} by {steps} steps"
            yield what, ratio, f"≤ {DOUBLED:g}", ratio <= DOUBLED


def main(path: Path) -> int:
    """Print the table; return whether a ratio is not what it has to be."""
    found = list(ratios(json.loads(path.read_text(encoding="utf-8"))))
    print("| ratio of times | found | has to be |\n|---|---|---|")
    for what, ratio, least, _ in found:
        print(f"| {what} | {ratio:.1f} | {least} |")
    if not found:
        print(f"{path}: nothing to compare", file=sys.stderr)
    wrong = [what for what, _, _, right in found if not right]
    for what in wrong:
        print(f"{path}: {what}: not what it has to be", file=sys.stderr)
    return int(bool(wrong) or not found)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
