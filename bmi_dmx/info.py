"""What there is, and what it is: the text of ``dmx info``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import describe
from .errors import ConfigError, suggestion
from .registry import Registry

__all__ = ["about", "everything"]

_LIBRARIES = ("torch", "numpy", "bmipy", "PyYAML", "netCDF4", "safetensors")

_PHYSICS = "processes"


def everything() -> str:
    """Return all that configurations can name, with the versions underneath.

    Of what needs a library that is not installed, such as PyTorch, the names alone.
    """
    versions = describe.versions(_LIBRARIES)
    parts = [", ".join(f"{name} {version}" for name, version in versions.items())]
    for kind, registry in _registries().items():
        text = describe.variables if kind == _PHYSICS else describe.listing
        parts.append(f"{kind}\n{describe.indented(_listed(registry, text) or 'none')}")
    names = ", ".join(_experiments())
    parts.append(f"experiments\n{describe.indented(names)}")
    parts.append("`dmx info NAME` says more, such as the variables of a process.")
    return "\n\n".join(parts)


def _listed(registry: Registry[Any], text: Callable[[Registry[Any]], str]) -> str:
    try:
        return text(registry)
    except ConfigError as error:
        return f"{', '.join(registry)}\n({_missing(error)})"


def _missing(error: ConfigError) -> str:
    """Return which library an entry could not be imported without.

    Any other error is raised again.
    """
    reason = error.__cause__
    if not isinstance(reason, ModuleNotFoundError):
        raise error
    return f"more about it needs {reason.name}, which is not installed"


def _experiments() -> dict[str, Path]:
    from .trainer.registries import experiments

    return experiments()


def _registries() -> dict[str, Registry[Any]]:
    from .bundle import bundles
    from .registries import networks, processes, recipes
    from .trainer.registries import catalogues, tasks

    return {
        "processes": processes,
        "networks": networks,
        "recipes": recipes,
        "tasks": tasks,
        **{kind: catalogues[kind] for kind in catalogues},
        "bundles": bundles,
    }


def about(name: str) -> str:
    """Return what is known about a name, or about a bundle in a folder.

    An experiment is shown as its file is.

    Raises
    ------
    ConfigError
        When nothing has that name.
    """
    if Path(name).is_dir():
        return _about_bundle(Path(name))
    registries = _registries()
    kinds = [kind for kind, registry in registries.items() if name in registry]
    experiments = _experiments()
    if name in experiments:
        return experiments[name].read_text(encoding="utf-8").rstrip()
    if not kinds:
        known = [entry for registry in registries.values() for entry in registry]
        known += experiments
        raise ConfigError(f"nothing is called {name!r}{suggestion(name, known)}")
    return "\n\n".join(
        f"{name} ({kind})\n\n{_described(kind, registries[kind], name)}"
        for kind in kinds
    )


def _described(kind: str, registry: Registry[Any], name: str) -> str:
    texts: dict[str, Callable[[Any], str]]
    texts = {"bundles": _about_bundle, _PHYSICS: describe.declarations}
    try:
        item = registry[name]
    except ConfigError as error:
        return _missing(error)
    return texts.get(kind, describe.documentation)(item)


def _about_bundle(folder: Path) -> str:
    """Return the description of a bundle, after all of the bundle was verified."""
    from .bundle import load_bundle

    load_bundle(folder)
    return (folder / "model.yaml").read_text(encoding="utf-8").rstrip()
