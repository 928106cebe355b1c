"""What there is, and what it is: the text of ``dmx info``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import describe
from .config import as_yaml, read
from .conversion import convert, plain
from .describe import Description, filled, indented
from .errors import ConfigError, suggestion
from .registry import Registry
from .variables import Variable

if TYPE_CHECKING:
    from .bundle import Bundle

__all__ = ["FILE", "about", "as_json", "everything", "records", "registries"]

FILE = Path(__file__).with_name("registered.json")
"""What is told of all that the package registers, so that it need not be imported."""

_BUNDLES = "bundles"

_LIBRARIES = ("torch", "numpy", "bmipy", "PyYAML", "netCDF4", "safetensors")


def everything() -> str:
    """Return all that configurations can name, a line each, after the versions.

    Of what needs a library that is not installed, such as PyTorch, and does not come
    with the package, the names alone.
    """
    versions = describe.versions(_LIBRARIES)
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items())
    parts = [describe.filled(libraries)]
    for kind, registry in registries().items():
        parts.append(f"{kind}\n{describe.indented(_listed(kind, registry) or 'none')}")
    names = describe.filled(", ".join(_experiments()), 78)
    parts.append(f"experiments\n{describe.indented(names)}")
    parts.append(
        "`dmx info NAME` says more, such as the variables of a process, or what a "
        "bundle\nreads and answers."
    )
    return "\n\n".join(parts)


def as_json(name: str | None) -> str:
    """Return what there is, or what one thing of it is, as JSON.

    Parameters
    ----------
    name : str, optional
        As of :func:`about`; the names of all there is when absent.
    """
    if name is not None:
        content: Any = {"name": name, "about": about(name)}
    else:
        content = {
            "versions": describe.versions(_LIBRARIES),
            **{kind: list(registry) for kind, registry in registries().items()},
            "experiments": list(_experiments()),
        }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _listed(kind: str, registry: Registry[Any]) -> str:
    if kind == _BUNDLES:
        return describe.listing({n: _of_file(registry[n]) for n in registry})
    return describe.listing({n: _told(kind, registry, n) for n in registry})


def _of_file(folder: Path) -> Description:
    """Return what a bundle says it is, without looking at all of it."""
    manifest = read(folder / "model.yaml")
    return Description(about=str(manifest.get("about", "")))


def _told(kind: str, registry: Registry[Any], name: str) -> Description:
    """Return what is known of an entry: from the file, or from the object itself."""
    place = registry.place(name)
    record = _recorded().get(kind, {}).get(name)
    if record is not None and record["place"] == place:
        return convert(record["entry"], Description, f"{FILE}: {kind}: {name}")
    try:
        return describe.described(registry[name])
    except ConfigError as error:
        return Description(about=_missing(error))


@cache
def _recorded() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def records() -> dict[str, dict[str, Any]]:
    """Return the content of :data:`FILE`, made anew: what the package registers."""
    content: dict[str, dict[str, Any]] = {}
    for kind, registry in registries().items():
        places = {name: registry.place(name) for name in registry}
        content[kind] = {
            name: {"place": place, "entry": plain(describe.described(registry[name]))}
            for name, place in places.items()
            if place is not None and place.startswith(f"{__package__}.")
        }
    return content


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


def registries() -> dict[str, Registry[Any]]:
    """Return all registries of what configurations can name, by kind."""
    from .bundle import bundles
    from .registries import filters, networks, processes, recipes
    from .trainer.registries import catalogues, tasks

    return {
        "processes": processes,
        "networks": networks,
        "recipes": recipes,
        "filters": filters,
        "tasks": tasks,
        **{kind: catalogues[kind] for kind in catalogues},
        _BUNDLES: bundles,
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
    there = registries()
    kinds = [kind for kind, registry in there.items() if name in registry]
    experiments = _experiments()
    if name in experiments:
        return experiments[name].read_text(encoding="utf-8").rstrip()
    if not kinds:
        names = [entry for registry in there.values() for entry in registry]
        names += experiments
        raise ConfigError(f"nothing is called {name!r}{suggestion(name, names)}")
    return "\n\n".join(
        f"{name} ({kind})\n\n{_described(kind, there[kind], name)}" for kind in kinds
    )


def _described(kind: str, registry: Registry[Any], name: str) -> str:
    if kind == _BUNDLES:
        return _about_bundle(registry[name])
    return describe.text(_told(kind, registry, name))


def _about_bundle(folder: Path) -> str:
    """Return the description of a bundle, after all of the bundle was verified."""
    from .bundle import load_bundle

    bundle = load_bundle(folder)
    parts = [_exchanged(bundle)]
    models = bundle.manifest.provenance.get("models")
    if models:
        parts.append(_mean_of(bundle, models))
    parts.append(as_yaml(_shortened(read(folder / "model.yaml"))).rstrip())
    return "\n\n".join(parts)


def _exchanged(bundle: Bundle) -> str:
    """Return what a bundle reads and answers, with units, and its lengths of steps."""
    from .operate.operation import step_text
    from .operate.system import system_of

    manifest, plan = bundle.manifest, bundle.plan
    of_system = {one.name: one for one in system_of(manifest.system).attributes}
    places = {a.name: of_system.get(a.name, a) for a in plan.attributes}
    forcings = {f.name: f for f in plan.forcings if f.source == "host"}
    answers = {name: plan.outputs[name][1] for name in manifest.answers}
    lines = {
        "reads": _with_units(forcings), "of places": _with_units(places),
        "answers": _with_units(answers),
        "steps": ", ".join(map(step_text, manifest.steps)),
    }  # fmt: skip
    return "\n".join(
        filled(f"{head:<11}{text}", subsequent_indent=" " * 11)
        for head, text in lines.items()
        if text
    )


def _with_units(variables: Mapping[str, Variable]) -> str:
    # Of an attribute that only networks read nobody knows units either.
    return ", ".join(
        name if one.units == "1" else f"{name} [{one.units}]"
        for name, one in variables.items()
    )


def _mean_of(bundle: Bundle, models: Sequence[Mapping[str, Any]]) -> str:
    """Return which models a bundle is the mean of: weights, names, what they saw."""
    letters = dict.fromkeys(part.model for part in bundle.parts if part.model)
    lines = [f"{bundle.name} is the weighted mean of {len(models)} models:"]
    for letter, model in zip(letters, models, strict=True):
        sources = "; ".join(model["provenance"].get("sources", ())) or "no data named"
        line = (
            f"{letter}  {model['weight']:.3f}  {model['name']}, learned from {sources}"
        )
        lines.append(indented(filled(line, 78, subsequent_indent=" " * 10)))
    return "\n".join(lines)


_LONG, _SHOWN = 24, 3
"""Entries of a list of names that is shortened, and what is shown of it."""


def _shortened(data: Any) -> Any:
    """Return plain data with the first of long lists of names, and their number."""
    if isinstance(data, dict):
        return {key: _shortened(value) for key, value in data.items()}
    if not isinstance(data, list):
        return data
    if len(data) > _LONG and all(isinstance(entry, str) for entry in data):
        return [*data[:_SHOWN], f"… {len(data)} in all"]
    return [_shortened(entry) for entry in data]
