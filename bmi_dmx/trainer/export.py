"""From a finished run to a bundle."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from ..bundle import Bundle, save_bundle
from ..compose import Model
from ..conversion import plain
from ..errors import BundleError
from .checkpoint import OWN, load_model, read_checkpoint
from .experiment import Experiment
from .registries import tasks
from .run_folder import RunFolder
from .window_ends import steppable

__all__ = ["export"]

log = logging.getLogger(__name__)


def export(
    run: Path | str, target: Path | str | None = None, *, overwrite: bool = False
) -> Bundle:
    """Save the best checkpoint of a run as a bundle, with provenance and scores.

    Models that were trained with that of the experiment become bundles beside it, named
    after it: ``bundle-NAME``.

    The task of the run says where the model comes from and how good it is, and what is
    known of the attributes that it reads.

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
    training = folder.outcome("commit", "versions", "best_step")
    best = folder.require_best()
    task, facts = tasks[experiment.task], read_checkpoint(folder.best)[OWN]["facts"]
    place = Path(target) if target is not None else folder.path / "bundle"
    if not place.name:
        raise BundleError(f"{place}: is the current folder; name one in it")
    scores = task.scores(folder, experiment, training)

    def saved(model: Model, name: str) -> Bundle:
        stepped, ends = steppable(model, experiment.training.window)
        if ends:
            log.warning(
                "constants are those of the end of a window in training; in the bundle"
                " they are the running mean of what the network has answered so far,"
                " and dmx evaluate --window-end scores it as trained"
            )
        return save_bundle(
            stepped,
            place.with_name(f"{place.name}{name}"),
            licence=experiment.licence,
            provenance={
                "sources": list(experiment.sources),
                "task": experiment.task,
                **task.provenance(experiment, facts),
                **_provenance(experiment, training),
                **ends,
            },
            scores=scores,
            name=f"{experiment.name}{name}",
            about=experiment.about,
            attributes=task.attributes(facts),
            overwrite=overwrite,
        )

    bundle = saved(load_model(best, experiment.model), "")
    for name, spec in task.accompanying(experiment).items():
        saved(load_model(best, spec, name), f"-{name}")
    task.accompany(experiment, bundle.path)
    return bundle


def _provenance(experiment: Experiment, training: dict[str, Any]) -> dict[str, Any]:
    return {
        "seeds": [experiment.seed],
        "commit": training["commit"] or "unknown",
        "versions": training["versions"],
        "training": plain(experiment.training),
        "best_step": training["best_step"],
    }
