"""Linear inverse models of the surface of the sea, judged by decades left out of each.

python scripts/left_out_decades.py FILE --json OUT

Each decade of 1950 to 1989, and 1990 to 1994, is forecast by models of the other years
of these: the same all year or by the season, and counting more or less in a step beside
what each cell fades by. Nothing after 1994 is looked at.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmi_dmx.files import atomic
from bmi_dmx.trainer.tasks.fields.baselines import DampedPersistence, LinearInverse
from bmi_dmx.trainer.tasks.fields.climatology import Climatology
from bmi_dmx.trainer.tasks.fields.experiment import DataSpec
from bmi_dmx.trainer.tasks.fields.samples import FieldSamples
from bmi_dmx.trainer.tasks.fields.seasonal import SeasonalInverse, fading, waves_of

Array = NDArray[np.float64]
Step = Callable[[Array, Array], Array]
"""From anomalies and the season that is stepped to to those a month later."""

STRETCHES = ((1950, 1959), (1960, 1969), (1970, 1979), (1980, 1989), (1990, 1994))
LEADS = (1, 2, 3, 6, 9, 12)
HISTORY = 11
SHARES = (0.0, 0.5, 0.75, 1.0)
MODES = (10, 15, 20)


@dataclass(frozen=True)
class Apart:
    """Anomalies of all months, and which of them are left out."""

    anomalies: Array
    season: Array
    out: range
    weights: Array

    def pairs(self) -> tuple[Array, Array, Array]:
        """Return anomalies, those a month later, and its season, of the other years."""
        known = ~np.isin(np.arange(len(self.anomalies)), self.out)
        at = np.flatnonzero(known[:-1] & known[1:])
        return self.anomalies[at], self.anomalies[at + 1], self.season[at + 1]

    def errors(self, step: Step) -> dict[int, float]:
        """Return the root of the mean squared error by lead, inside the stretch."""
        start = np.arange(self.out.start + HISTORY, self.out.stop)
        x, found = self.anomalies[start], {}
        for lead in range(1, max(LEADS) + 1):
            start, x = (y[start + lead < self.out.stop] for y in (start, x))
            x = step(x, self.season[start + lead])
            if lead in LEADS:
                square = (x - self.anomalies[start + lead]) ** 2
                found[lead] = float(np.sqrt((square @ self.weights).mean()))
        return found


def stretches(path: Path) -> Iterator[Apart]:
    """Yield the sea with each stretch of years left out in turn."""
    train = ("1950-01", "1994-12")
    spec = DataSpec(
        source=str(path), variables={"anomaly": "sst"}, mask="mask", climatology="none"
    )
    samples = FieldSamples.read(spec, train, {"anomaly": 1})
    steps = samples.steps(train)
    begins = samples.begins[steps.start : steps.stop]
    whole = samples.cells("anomaly", slice(steps.start, steps.stop))
    season = waves_of(samples.turns(np.arange(steps.start, steps.stop)))
    year = begins.astype("datetime64[Y]").astype(int) + 1970
    for first, last in STRETCHES:
        out = (year >= first) & (year <= last)
        usual = Climatology.fit(whole[~out], begins[~out], "months")
        at = np.flatnonzero(out)
        yield Apart(
            whole - usual.at(begins), season, range(at[0], at[-1] + 1),
            samples.weights[samples.mask],
        )  # fmt: skip


def steps_of(apart: Apart) -> Iterator[tuple[str, Step]]:
    """Yield forecasts of a month by what they are."""
    before, after, season = apart.pairs()
    shares = fading(before, after, season)
    # Where a stretch was left out, one pair of months does not follow each other.
    series = np.concatenate((before, after[-1:]))
    left = DampedPersistence(series).share(1)
    for modes in MODES:
        steady = LinearInverse.fit(series, apart.weights, modes, residual=True)
        changing = SeasonalInverse.fit(before, after, season, apart.weights, modes)
        for share in SHARES if modes == MODES[1] else SHARES[1:]:

            def even(
                x: Array, season: Array, m: Any = steady, s: float = share
            ) -> Array:
                found: Array = s * m(x, 1) + (1.0 - s) * left * x
                return found

            def seasonal(
                x: Array, season: Array, m: Any = changing, s: float = share
            ) -> Array:
                found: Array = s * m.step(x, season)
                return found + (1.0 - s) * shares.at(season) * x

            yield f"{modes} patterns, share {share:g}", even
            yield f"{modes} patterns by season, share {share:g}", seasonal


def main() -> None:
    """Score them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    errors: dict[str, list[dict[int, float]]] = {}
    for apart in stretches(given.file):
        for name, step in steps_of(apart):
            errors.setdefault(name, []).append(apart.errors(step))
    record = {
        name: {lead: float(np.mean([one[lead] for one in each])) for lead in LEADS}
        for name, each in errors.items()
    }
    for name, one in record.items():
        chosen_by = np.mean([one[lead] for lead in (1, 3, 6)])
        numbers = " ".join(f"{x:.4f}" for x in one.values())
        print(f"{name:36s} {numbers}  {chosen_by:.4f}")
    with atomic(given.json) as path:
        path.write_text(json.dumps({"means": record, "stretches": errors}, indent=1))


if __name__ == "__main__":
    main()
