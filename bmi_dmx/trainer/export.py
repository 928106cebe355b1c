"""From a finished run to a bundle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..bundle import Bundle, save_bundle
from ..climate import CLIMATE, TOPOGRAPHY
from ..conversion import plain
from ..errors import DataError, UnitsError
from ..units import check
from ..variables import Attribute
from .checkpoint import OWN, load_model, read_checkpoint
from .evaluate import evaluate
from .experiment import Experiment
from .run_folder import RunFolder

__all__ = ["export"]


def export(
    run: Path | str, target: Path | str | None = None, *, overwrite: bool = False
) -> Bundle:
    """Save the best checkpoint of a run as a bundle, with provenance and scores.

    The run is evaluated over its test period first if that has not been done, or was
    done when another checkpoint was the best or other days were to be scored.

    Parameters
    ----------
    run : path
        Folder of a finished run.
    target : path, optional
        Folder of the bundle; default: ``bundle`` in the folder of the run.
    overwrite : bool
        Whether an older bundle may be replaced.

    Raises
    ------
    ConfigError, DataError, StateError
        The run is not finished or not usable.
    BundleError
        Something lies at the target already.
    """
    folder = RunFolder(Path(run))
    experiment = folder.experiment()
    if not folder.summary.is_file():
        raise DataError(
            f"{folder.path}: no {folder.summary.name}; the training is not finished"
        )
    training = json.loads(folder.summary.read_text(encoding="utf-8"))
    return save_bundle(
        load_model(folder.require_best(), experiment.model),
        Path(target) if target is not None else folder.path / "bundle",
        licence=experiment.licence,
        provenance=_provenance(folder, experiment, training),
        scores=_scores(folder, experiment, training),
        name=experiment.name,
        about=experiment.about,
        attributes=_attributes(folder),
        overwrite=overwrite,
    )


def _attributes(folder: RunFolder) -> list[Attribute]:
    """Return what is known of attributes: what is computed, and what the data say."""
    own = [*CLIMATE, *TOPOGRAPHY]
    units = read_checkpoint(folder.best)[OWN]["units"]
    names = {attribute.name for attribute in own}
    more = [(name, text) for name, text in units.items() if name not in names]
    return [*own, *(Attribute(name=n, units=u) for n, u in more if _is_unit(u))]


def _is_unit(text: str) -> bool:
    """Return whether hosts can read it; data sets write ``log10(m2)`` and more."""
    try:
        check(text)
    except UnitsError:
        return False
    return True


def _provenance(
    folder: RunFolder, experiment: Experiment, training: dict[str, Any]
) -> dict[str, Any]:
    basins = read_checkpoint(folder.best)[OWN]["basins"]
    data = plain(experiment.data)
    # Where the file lay says nothing; what it is called does.
    data["path"] = Path(experiment.data.path).name
    return {
        "sources": list(experiment.sources),
        "basins": len(basins),
        "periods": plain(experiment.periods),
        "seeds": [experiment.seed],
        "commit": training["commit"] or "unknown",
        "versions": training["versions"],
        "data": data,
        "loss": plain(experiment.loss),
        "training": plain(experiment.training),
        "best_step": training["best_step"],
    }


def _scores(
    folder: RunFolder, experiment: Experiment, training: dict[str, Any]
) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    if training["best_validation_nse"] is not None:
        scores["validation"] = {
            "scored": plain(experiment.periods["validation"]),
            "median_nse": training["best_validation_nse"],
        }
    if experiment.periods.test is not None:
        found = _evaluated(folder, experiment)
        kept = ("scored", "warmup_days_before", "basins", "medians")
        more = "median_nse_with_first_year_as_warmup"
        scores["test"] = {name: found[name] for name in (*kept, more)}
    return scores


def _evaluated(folder: RunFolder, experiment: Experiment) -> dict[str, Any]:
    """Return the summary of the test period, by the best checkpoint as it is now."""
    file = folder.path / "test" / "summary.json"
    wanted = {
        "steps": [read_checkpoint(folder.best)["global_step"]],
        "scored": plain(experiment.periods["test"]),
    }
    if file.is_file():
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if all(found.get(name) == value for name, value in wanted.items()):
            return found
    evaluate(folder.path, "test")
    found = json.loads(file.read_text(encoding="utf-8"))
    return found
