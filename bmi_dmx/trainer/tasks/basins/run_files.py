"""What of the data is kept in the folder of a run: for people, and to know it again."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ....data.identity import listed
from ...checkpoint import OWN, read_checkpoint
from ...result_files import write_table
from ...run_folder import RunFolder
from .data.basins import BasinData
from .experiment import Experiment
from .targets import TARGET

__all__ = ["ATTRIBUTES", "means_of", "tell_changes", "write_attributes"]

log = logging.getLogger(__name__)

ATTRIBUTES = "attributes.csv"
"""Its name in the folder."""


def write_attributes(path: Path, data: BasinData, names: Sequence[str]) -> None:
    """Write the attributes that a model was trained with, one row for each basin.

    Operation reads such a table with ``--attributes``.

    Parameters
    ----------
    path : Path
        The table.
    data : BasinData
        What was read.
    names : sequence of str
        Attributes that the model reads.
    """
    units = {name: data.units.get(name, "1") for name in names}
    heads = [n if units[n] == "1" else f"{n} [{units[n]}]" for n in names]
    rows = (
        [basin, *(f"{data.attributes[name][at]:.9g}" for name in names)]
        for at, basin in enumerate(data.ids.tolist())
    )
    write_table(path, ["id", *heads], rows)


_ALIKE = 1e-4
"""Relative difference of means below which data are the same: of other machines and
versions of libraries last digits may differ."""


def means_of(
    data: BasinData, forcings: Iterable[str], attributes: Iterable[str]
) -> dict[str, list[float]]:
    """Return what tells the data of basins from others, by name.

    Means over time of forcings and of the observed flow, and attributes as they are but
    for those that follow from forcings: (basin,) each, NaN where nothing is known.
    """
    series = {name: data.forcing[name] for name in forcings if name in data.forcing}
    series_means = {}
    for name, values in {**series, TARGET: data.target}.items():
        finite = np.isfinite(values)
        total = np.where(finite, values, 0.0).sum(axis=0, dtype=np.float64)
        count = finite.sum(axis=0)
        means = np.where(count, total / np.maximum(count, 1), np.nan)
        series_means[name] = means.tolist()
    names = [name for name in attributes if name not in data.computed]
    return {**series_means, **{name: data.attributes[name].tolist() for name in names}}


def tell_changes(folder: RunFolder, experiment: Experiment, data: BasinData) -> None:
    """Say where the data of a run are no longer those that it learned from.

    Runs of before this was kept are passed over.

    Parameters
    ----------
    folder, experiment : RunFolder, Experiment
        The run.
    data : BasinData
        What is read for it now.
    """
    facts = read_checkpoint(folder.require_best())[OWN].get("facts", {})
    means = facts.get("means", {})
    if not means:
        return
    ids = data.ids.tolist()
    gone = [name for name in facts["ids"] if name not in set(ids)]
    if gone:
        log.warning(
            "%s: %d of the %d basins it learned from are not in the data: %s",
            folder.path, len(gone), len(facts["ids"]), listed(gone),
        )  # fmt: skip
    places = {name: at for at, name in enumerate(facts["ids"])}
    both = [name for name in ids if name in places]
    if not both:
        return
    part = data.select(both).period(*experiment.periods.train)
    attributes = [name for name in means if name in part.attributes]
    now = means_of(part, means, attributes)
    for name, values in means.items():
        before = np.array([values[places[basin]] for basin in both])
        after = np.array(now.get(name, np.full(len(both), np.nan)))
        other = np.flatnonzero(
            ~np.isclose(after, before, rtol=_ALIKE, atol=1e-9, equal_nan=True)
        )
        if other.size:
            k = int(other[0])
            log.warning(
                "%s: %s of %d of %d basins is not what it learned from: of %r in the "
                "training period %.4g, then %.4g", folder.path, name, other.size,
                len(both), both[k], after[k], before[k],
            )  # fmt: skip
