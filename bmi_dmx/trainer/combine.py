"""Several trained models as one bundle that answers with their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..bundle import Bundle, load_bundle, save_bundle
from ..compose.combination import combined
from ..errors import ConfigError
from ..variables import Attribute
from .export import export
from .registries import DEFAULT_TASK, tasks
from .requests import ModelWeights, ScoringRequest
from .run_folder import RunFolder

__all__ = ["LEAST", "combine", "learned_weights", "members"]

LEAST = 0.005
"""Smallest weight that a model is kept for when weights are learned."""


def combine(
    sources: Sequence[Path | str],
    target: Path | str,
    weights: Sequence[float] | None = None,
    *,
    licence: str | None = None,
    name: str | None = None,
    weighted: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Bundle:
    """Save several models as one bundle; see :func:`~bmi_dmx.compose.combination`.

    Parameters
    ----------
    sources : sequence of path or str
        Bundles, by name or folder, or folders of runs, whose bundles are made where
        they are missing.
    target : path
        Folder of the bundle.
    weights : sequence of float, optional
        Of the models; default: all alike.
    licence : str, optional
        Licence of the whole; needed where those of the models differ.
    name : str, optional
        Name of the model; default: of the folder.
    weighted : mapping, optional
        What the weights were learned from, to be kept with them.
    overwrite : bool
        Whether an older bundle may be replaced.

    Raises
    ------
    ConfigError
        The models do not go together.
    BundleError
        One of them cannot be used, or something lies at the target already.
    """
    bundles = members(sources)
    if weights is None:
        weights = [1.0] * len(bundles)
    names = [*map(str, sources)]
    model = combined([bundle.model() for bundle in bundles], weights, names)
    labels = [
        source.name if _is_run(source := Path(path)) else bundle.name
        for path, bundle in zip(sources, bundles, strict=True)
    ]
    shares = [weight / sum(weights) for weight in weights]
    return save_bundle(
        model,
        target,
        licence=licence or _licence(bundles),
        provenance={
            "task": _task(bundles),
            "models": [
                {
                    "name": name,
                    "weight": share,
                    "fingerprint": bundle.fingerprint,
                    "provenance": bundle.manifest.provenance,
                    "scores": bundle.manifest.scores,
                }
                for name, bundle, share in zip(labels, bundles, shares, strict=True)
            ],
            **({} if weighted is None else {"weights": dict(weighted)}),
        },
        scores={},
        name=name,
        about=f"mean of {', '.join(labels)}",
        attributes=_attributes(bundles),
        overwrite=overwrite,
    )


def members(sources: Sequence[Path | str]) -> list[Bundle]:
    """Return the bundles of several sources; that of a run is made where missing.

    Raises
    ------
    ConfigError
        One of them is given twice.
    """
    bundles: list[Bundle] = []
    for source in sources:
        if _is_run(run := Path(source)):
            folder = run / "bundle"
            bundle = load_bundle(folder) if folder.is_dir() else export(run)
        else:
            bundle = load_bundle(str(source))
        if any(other.fingerprint == bundle.fingerprint for other in bundles):
            raise ConfigError(f"{source}: given twice; a model counts once in a mean")
        bundles.append(bundle)
    return bundles


def _is_run(path: Path) -> bool:
    return RunFolder(path).config.is_file()


def _licence(bundles: Sequence[Bundle]) -> str:
    licences = list(dict.fromkeys(bundle.manifest.licence for bundle in bundles))
    if len(licences) > 1:
        raise ConfigError(
            f"licence: the models have {' and '.join(licences)}; say which holds for "
            "all of them together"
        )
    return licences[0]


def _task(bundles: Sequence[Bundle]) -> str:
    names = [str(b.manifest.provenance.get("task", DEFAULT_TASK)) for b in bundles]
    for bundle, name in zip(bundles, names, strict=True):
        if name != names[0]:
            raise ConfigError(
                f"{bundle.path}: task is {name!r}, of {bundles[0].path} {names[0]!r}"
            )
    return names[0]


def _attributes(bundles: Sequence[Bundle]) -> list[Attribute]:
    """Return what is known of the attributes that the models read."""
    attributes: dict[str, Attribute] = {}
    for bundle in bundles:
        for one in bundle.manifest.attributes:
            other = attributes.setdefault(one.name, one)
            if other.units != one.units:
                raise ConfigError(
                    f"{bundle.path}: attribute {one.name!r} is in {one.units!r}, of "
                    f"another model in {other.units!r}"
                )
    return list(attributes.values())


def learned_weights(
    sources: Sequence[Path | str],
    request: ScoringRequest,
    *,
    licence: str | None = None,
) -> ModelWeights:
    """Return by which weights several models together do best on data.

    Parameters
    ----------
    sources, licence
        As of :func:`combine`.
    request : ScoringRequest
        The data, and the days that weights may be learned from.

    Returns
    -------
    ModelWeights
        By source; those below :data:`LEAST` are 0.

    Raises
    ------
    ConfigError, DataError, UnitsError, BundleError
        As of :func:`combine`, and of the task of the models.
    """
    with TemporaryDirectory() as folder:
        alike = combine(sources, Path(folder) / "alike", licence=licence)
        task = tasks[str(alike.manifest.provenance["task"])]
        weighing = task.weigh(alike, request)
    shares = [w if w >= LEAST else 0.0 for w in weighing.weights.values()]
    names = map(str, sources)
    weights = {n: w / sum(shares) for n, w in zip(names, shares, strict=True)}
    return ModelWeights(weights, weighing.provenance)
