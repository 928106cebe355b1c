"""Several models and baselines on the same gauges and days: one table, one picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....conversion import plain
from ....errors import ConfigError
from ....files import atomic_folder
from ....tables import TERMINAL, Column, print_table
from .metrics import median, score
from .plots.comparison import compared_picture
from .results import Hydrographs, write_scores

__all__ = ["ComparisonResult", "Difference", "compared", "positions_alike"]

Array = NDArray[np.float64]

METRICS = ("nse", "kge", "log_nse", "bias")

DRAWS, SEED = 2000, 0
"""Of the bootstrap over gauges."""

LEVELS = (0.025, 0.975)

FILES = ("comparison.png", "scores.csv", "summary.json")
"""Files of a comparison."""

WIDTH = 22
"""Characters of the name of a model."""


@dataclass(frozen=True)
class Difference:
    """How much better a model is than the first one, gauge by gauge.

    Parameters
    ----------
    value, low, high : float
        Median over gauges of the difference of NSE, and the ends of its interval of
        95 %, by a bootstrap over gauges.
    better, gauges : int
        At how many gauges it is better, of those where both have a score.
    """

    value: float
    low: float
    high: float
    better: int
    gauges: int

    @classmethod
    def of(cls, one: Array, first: Array) -> Difference:
        """Return the paired difference of two scores, (gauge,)."""
        both = np.isfinite(one) & np.isfinite(first)
        apart = one[both] - first[both]
        if not apart.size:
            return cls(np.nan, np.nan, np.nan, 0, 0)
        rng = np.random.default_rng(SEED)
        drawn = apart[rng.integers(apart.size, size=(DRAWS, apart.size))]
        low, high = np.quantile(np.median(drawn, axis=1), LEVELS)
        better = int((apart > 0.0).sum())
        return cls(float(np.median(apart)), float(low), float(high), better, apart.size)


@dataclass(frozen=True, kw_only=True)
class ComparisonResult:
    """What a comparison found.

    Parameters
    ----------
    folder : Path
        Where its files lie.
    title : str
        Gauges and days.
    scores : mapping of str to mapping of str to array (gauge,)
        By model and metric; differences are from the first one.
    about : mapping of str to str
        What the baselines are, which come last.
    """

    folder: Path
    title: str
    scores: Mapping[str, Mapping[str, Array]]
    about: Mapping[str, str]

    @property
    def differences(self) -> dict[str, Difference]:
        """Of all models but the first, against it."""
        first, *others = self.scores
        reference = self.scores[first]["nse"]
        return {n: Difference.of(self.scores[n]["nse"], reference) for n in others}

    def plain(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        content = {
            "title": self.title,
            "medians": {
                model: {name: median(x)[0] for name, x in values.items()}
                for model, values in self.scores.items()
            },
            "against": next(iter(self.scores)),
            "differences_of_nse": {n: asdict(d) for n, d in self.differences.items()},
            "baselines": dict(self.about),
        }
        comparison: dict[str, Any] = plain(content, "comparison", lambda *_: None)
        return comparison

    def show(self) -> None:
        """Print the table."""
        first = next(iter(self.scores))
        apart = self.differences
        columns = [Column(header="model", values=list(self.scores), width=WIDTH)]
        for name in METRICS:
            values = [median(x[name])[0] for x in self.scores.values()]
            head = name.upper() if len(name) == 3 else name.replace("_", " ")
            spec = ".1f" if name == "bias" else ".3f"
            columns.append(Column(header=head, values=values, format=spec))
        each = [apart.get(name) for name in self.scores]
        for head, key in (("ΔNSE", "value"), ("from", "low"), ("to", "high")):
            numbers = [None if d is None else getattr(d, key) for d in each]
            columns.append(Column(header=head, values=numbers, format="+.3f"))
        won = ["" if d is None else f"{d.better}/{d.gauges}" for d in each]
        columns.append(Column(header="better", values=won))
        print_table(columns, title=self.title)
        print()
        for text in (
            f"medians over gauges; bias in %. ΔNSE: median over gauges of what differs "
            f"from {first}, its interval of 95 %, and at how many gauges it is better",
            *(f"{name}: {about}" for name, about in self.about.items()),
        ):
            print(fill(text, TERMINAL, subsequent_indent="  "))


def compared(
    folder: Path,
    title: str,
    models: Mapping[str, Hydrographs],
    baselines: Mapping[str, NDArray[Any]],
    about: Mapping[str, str],
    factor: NDArray[np.float64] | float = 1.0,
) -> ComparisonResult:
    """Score models and baselines on the gauges and days of the first, and write it.

    Parameters
    ----------
    folder : Path
        Where to.
    title : str
        Headline.
    models : mapping of str to Hydrographs
        By name; on the same gauges and days, in the same order.
    baselines : mapping of str to array (T, B)
        Flow, in the units of the models.
    about : mapping of str to str
        What the baselines are.
    factor : float or array (B,)
        What brings flow to mm per day.
    """
    first = next(iter(models.values()))
    flows = {**{n: x["simulated"] for n, x in models.items()}, **baselines}
    observed = first["observed"] * factor
    scores = {n: score(x * factor, observed, METRICS) for n, x in flows.items()}
    report = ComparisonResult(folder=folder, title=title, scores=scores, about=about)
    columns = {f"{m}_{n}": x for n, values in scores.items() for m, x in values.items()}
    with atomic_folder(folder) as temporary:
        write_scores(temporary / "scores.csv", first.ids, columns)
        text = json.dumps(report.plain(), indent=2, ensure_ascii=False)
        (temporary / "summary.json").write_text(f"{text}\n", encoding="utf-8")
        nse = {name: values["nse"] for name, values in scores.items()}
        apart = {n: (d.value, d.low, d.high) for n, d in report.differences.items()}
        compared_picture(
            temporary / "comparison.png", nse, apart, set(baselines), title
        )
    return report


def positions_alike(
    ids: NDArray[np.str_],
    time: NDArray[np.datetime64],
    observed: NDArray[Any],
    first: tuple[NDArray[np.str_], NDArray[np.datetime64], NDArray[Any]],
    where: str,
    why: str,
) -> Sequence[int]:
    """Return where the gauges of the first stand, refusing other observations.

    Parameters
    ----------
    ids, time, observed : array (B,), (T,) and (T, B)
        What one model was scored on.
    first : tuple of arrays
        The same of the first model.
    where : str
        Whose data differ from whose, for messages.
    why : str
        What only models on the same data can.

    Raises
    ------
    ConfigError
        Gauges, time steps or observations differ; names the first that does.
    """
    ids_0, time_0, observed_0 = first
    differing = set(ids.tolist()) ^ set(ids_0.tolist())
    if differing:
        raise ConfigError(
            f"{where}: only one of them has basin {min(differing)!r}; {why}"
        )
    names = ids.tolist()
    at = [names.index(name) for name in ids_0.tolist()]
    if time.shape != time_0.shape or (time != time_0).any():
        raise ConfigError(
            f"{where}: its {len(time)} time steps begin {time[0]}, there"
            f" {len(time_0)} begin {time_0[0]}; {why}"
        )
    one = observed[:, at]
    unequal = ~((one == observed_0) | (np.isnan(one) & np.isnan(observed_0)))
    if unequal.any():
        step, basin = np.argwhere(unequal)[0]
        raise ConfigError(
            f"{where}: the flow observed in basin '{ids_0[basin]}' on {time_0[step]} is"
            f" {one[step, basin]:g}, there {observed_0[step, basin]:g}; {why}"
        )
    return at
