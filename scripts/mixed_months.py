"""Fill months of a global ocean without a model, judged by known months left out.

python scripts/mixed_months.py FILE

February, June and October are left out, each by itself, of the nine known months, and
found again in the blocks that are known: by a mean and a wave of the other eight, by
the months before and after, by shares of both, and with a second wave that a ridge
holds down. April, August and December are not looked at.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmi_dmx.models.ocean.exclusion import MONTHS, Exclusion
from bmi_dmx.models.ocean.formats.global_ocean import SAMPLE, read_global_ocean

Array = NDArray[np.float64]

JUDGED = (1, 5, 9)
SHARES = (1.0, 0.7, 0.5, 0.3, 0.0)
RIDGES = (1.0, 0.3, 0.1)


def second_wave(apart: Exclusion, every: Array, ridge: float) -> Array:
    """Return fields of all months by a mean and two waves, the second held down."""
    turns = 2.0 * np.pi * (np.arange(12) + 0.5) / 12.0
    waves = np.stack([np.ones(12), *(f(k * turns) for k in (1, 2)
                                     for f in (np.cos, np.sin))], 1)  # fmt: skip
    known = list(apart.known)
    read = waves[known]
    held = len(known) * ridge * np.diag([0.0, 0.0, 0.0, 1.0, 1.0])
    flat = every[known].reshape(len(known), -1)
    found: Array = waves @ np.linalg.solve(read.T @ read + held, read.T @ flat)
    return found.reshape(every.shape)


def fillings(ocean: Any, month: int) -> Iterator[tuple[str, Array]]:
    """Yield fields of a month that is left out besides, by how they are found."""
    apart = Exclusion(ocean, (*MONTHS, month))
    every = ocean.months["temperature"]
    wave = apart.wave(every)[month]
    beside = 0.5 * (every[month - 1] + every[month + 1])
    for share in SHARES:
        mixed = share * wave + (1.0 - share) * beside
        yield f"{share:.0%} wave, {1.0 - share:.0%} months beside", mixed
    for ridge in RIDGES:
        yield f"two waves, ridge {ridge:g}", second_wave(apart, every, ridge)[month]


def main() -> None:
    """Score them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=SAMPLE)
    ocean = read_global_ocean(parser.parse_args().file)
    found: dict[str, dict[int, Array]] = {}
    for month in JUDGED:
        for name, filled in fillings(ocean, month):
            found.setdefault(name, {})[month] = filled
    judged = Exclusion(ocean, JUDGED)
    for name, months in found.items():
        scores = judged.score(months)
        errors = [scores[depth]["rest"] for depth in ("top 50 m", "0-220 m")]
        print(f"{name:32s}", " ".join(f"{error:.3f}" for error in errors))


if __name__ == "__main__":
    main()
