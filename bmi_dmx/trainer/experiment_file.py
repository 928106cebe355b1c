"""Experiments as files: found, read, resolved, and written again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from .. import config
from ..conversion import plain
from ..errors import ConfigError, DataError, suggestion
from ..files import atomic
from .experiment import Anchor, Experiment
from .registries import DEFAULT_TASK, experiments, tasks

__all__ = [
    "anchor_of",
    "anchored_plain",
    "differences",
    "find_experiment",
    "load_experiment",
    "naming",
    "save_experiment",
]


def find_experiment(name: str | Path) -> Path:
    """Return the path of an experiment: the file, or the shipped one of that name.

    Raises
    ------
    ConfigError
        There is no such file and no such experiment.
    """
    path = Path(name)
    if path.exists():
        return path
    shipped = experiments()
    if str(name) not in shipped:
        hint = suggestion(str(name), shipped)
        raise ConfigError(f"{name}: no such file, nor a shipped experiment{hint}")
    return shipped[str(name)]


def load_experiment(path: Path, overrides: Iterable[str] = ()) -> Experiment:
    """Read an experiment, with everything in it resolved that depends on its place.

    The task that it names says which keys it has. Paths become absolute: those of the
    file start at its folder, those of overrides at the current one.

    Parameters
    ----------
    path : Path
        YAML file.
    overrides : iterable of str
        ``key.key=value`` settings that replace those of the file; ``model=NAME`` is one
        of its ``models``.

    Returns
    -------
    Experiment
        One of the task.

    Raises
    ------
    ConfigError
        Naming file, key, what was found and what was expected.
    """
    data, anchored = anchored_plain(path, list(overrides))
    experiment = config.convert(data, _kind(data, path), where=str(path))
    return experiment.resolved(anchored)


def anchored_plain(path: Path, overrides: Sequence[str]) -> tuple[Any, Anchor]:
    """Return an experiment as plain data, and what makes its paths absolute.

    Parameters
    ----------
    path, overrides
        As of :func:`load_experiment`.
    """
    whole = config.read(path)
    try:
        entries, others = _with_model(whole, overrides)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    data = config.override(entries, others)
    return data, anchor_of(path, overrides)


def anchor_of(path: Path, overrides: Sequence[str]) -> Anchor:
    """Return what makes the paths of a file absolute.

    Parameters
    ----------
    path, overrides
        As of :func:`load_experiment`.
    """
    keys = {setting.partition("=")[0].strip() for setting in overrides}

    def anchored(key: str, text: str) -> str:
        # Who types a setting thinks of the current folder, not of the file's.
        names = key.split(".")
        typed = any(".".join(names[: n + 1]) in keys for n in range(len(names)))
        return _anchored(text, Path.cwd() if typed else path.resolve().parent)

    return anchored


def _with_model(
    data: Any, settings: Sequence[str]
) -> tuple[Mapping[str, Any], list[str]]:
    """Return the entries with the model that is chosen, and the other settings.

    A file may have several ``models``; ``model`` is then the name of one of them, or a
    model of its own. What they have in common is said once: ``like`` another, each has
    the entries of that one which it does not have itself.

    Raises
    ------
    ConfigError
        There is none of the name.
    """
    if not isinstance(data, Mapping) or "models" not in data:
        return data, list(settings)
    models = data["models"]
    entries = {name: x for name, x in data.items() if name != "models"}
    for setting in settings:
        key, _, value = setting.partition("=")
        if key.strip() == "model":
            entries["model"] = value.strip()
    others = [s for s in settings if s.partition("=")[0].strip() != "model"]
    name = entries.get("model")
    if isinstance(name, str):
        entries["model"] = _alike(models, name, ())
    return entries, others


def _alike(models: Any, name: str, before: tuple[str, ...]) -> dict[str, Any]:
    """Return the entries of one of several models, and of those that it is like."""
    by_name = models if isinstance(models, Mapping) else {}
    if not isinstance(by_name.get(name), Mapping) or name in before:
        hint = suggestion(name, [n for n in by_name if n not in before])
        raise ConfigError(f"model: {name!r} is none of the models{hint}")
    entries = dict(by_name[name])
    other = entries.pop("like", None)
    return (
        entries
        if other is None
        else _alike(models, str(other), (*before, name)) | entries
    )


def _kind(data: Any, path: Path) -> type[Experiment]:
    """Return what an experiment with these entries is."""
    name = data.get("task", DEFAULT_TASK) if isinstance(data, Mapping) else DEFAULT_TASK
    if name not in tasks.names():
        hint = suggestion(str(name), tasks)
        raise ConfigError(f"{path}: task: unknown {name!r}{hint}")
    return tasks[name].schema


def _anchored(text: str, folder: Path) -> str:
    if not text or text[0] in "~$":
        return text
    return str(folder / text)


def save_experiment(path: Path, experiment: Experiment) -> None:
    """Write an experiment as YAML that :func:`load_experiment` reads back the same."""
    text = config.as_yaml(plain(experiment))
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def differences(
    actual: Mapping[str, Any], expected: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """Return where two plain configurations differ, by dotted key.

    Parameters
    ----------
    actual, expected : mapping of str to object
        As :func:`~bmi_dmx.conversion.plain` returns them.

    Returns
    -------
    dict of str to (object, object)
        The two values, None where one has no such key.
    """
    pairs: dict[str, tuple[Any, Any]] = {}
    for key in {**expected, **actual}:
        a, b = actual.get(key), expected.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            inner = differences(a, b)
            pairs |= {f"{key}.{name}": values for name, values in inner.items()}
        elif a != b:
            pairs[key] = (a, b)
    return pairs


@contextmanager
def naming(path: Path, experiment: Experiment) -> Iterator[None]:
    """Put the file of an experiment before messages that begin with one of its keys.

    For what comes to light only beside the data.
    """
    keys = tuple(f"{field.name}{end}" for field in fields(experiment) for end in ".:")
    try:
        yield
    except (ConfigError, DataError) as error:
        if str(error).startswith(keys):
            raise type(error)(f"{path}: {error}") from None
        raise
