"""Settings by which the framework saves and restores states, in both dialects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..conversion import shown
from ..errors import ConfigError, suggestion

__all__ = ["SAVING", "StateSaving", "read_saving"]

SAVING = ("serialization", "state_saving")
"""Keys of a realization: those of ngen, and those of another branch of it."""

_PHASES: dict[Literal["save", "restore"], tuple[str, ...]] = {
    "save": ("check", "frequency", "fatal", "path"),
    "restore": ("check", "step", "timestamp", "id_subset", "fatal", "path"),
}
_NEEDED = ("direction", "label", "path", "type", "when")
_WHEN = {"save": ("EndOfRun", "Checkpoint"), "load": ("StartOfRun", "Checkpoint")}


@dataclass(frozen=True)
class StateSaving:
    """States that the framework saves, or restores.

    Parameters
    ----------
    where : str
        Key of the realization, for messages.
    direction : {"save", "restore"}
    path : str
        Where the states are.
    ignored : tuple of str
        Keys that are not understood, each with the one that may be meant.
    """

    where: str
    direction: Literal["save", "restore"]
    path: str
    ignored: tuple[str, ...] = ()


def read_saving(data: Mapping[str, Any], where: str) -> tuple[StateSaving, ...]:
    """Return what is saved and restored by the keys of :data:`SAVING`.

    Parameters
    ----------
    data : mapping
        A realization, or the ``params`` of a module.
    where : str
        What messages begin with.

    Raises
    ------
    ConfigError
        When the framework would stop at a setting; names the key.
    """
    savings: list[StateSaving] = []
    if "serialization" in data:
        at = f"{where}: serialization"
        savings += _serialization(_object(data["serialization"], at), at)
    if "state_saving" in data:
        entries, at = data["state_saving"], f"{where}: state_saving"
        if not isinstance(entries, list):
            raise ConfigError(f"{at}: found {shown(entries)}, expected a list")
        savings += [_entry(entry, f"{at}[{k}]") for k, entry in enumerate(entries)]
    return tuple(savings)


def _object(data: Any, at: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise ConfigError(f"{at}: found {shown(data)}, expected an object")
    return data


def _unknown(data: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{k!r}{suggestion(k, names)}" for k in data if k not in names)


def _serialization(data: Mapping[str, Any], at: str) -> Iterator[StateSaving]:
    others = _unknown(data, ("path", *_PHASES))
    for direction in _PHASES:
        if direction not in data:
            continue
        block = _object(data[direction], f"{at}: {direction}")
        if block.get("check", True) in (False, "false") or block.get("frequency") == 0:
            continue
        path = block.get("path", data.get("path"))
        if not isinstance(path, str) or not path:
            raise ConfigError(f"{at}: {direction}: path: missing")
        ignored = (*others, *_unknown(block, _PHASES[direction]))
        yield StateSaving(f"{at}: {direction}", direction, path, ignored)


def _entry(data: Any, at: str) -> StateSaving:
    entry = _object(data, at)
    for key in _NEEDED:
        if not isinstance(entry.get(key), str):
            near = suggestion(key, entry) if key not in entry else ""
            raise ConfigError(f"{at}: {key}: missing, or no text{near}")
    direction, when = entry["direction"], entry["when"]
    if direction not in _WHEN:
        raise ConfigError(
            f"{at}: direction: found {direction!r}, expected save or load"
        )
    if when not in _WHEN[direction]:
        raise ConfigError(
            f"{at}: when: found {when!r}, expected {' or '.join(_WHEN[direction])}"
        )
    frequency = entry.get("frequency", 0)
    often = isinstance(frequency, int) and frequency > 0
    if (direction, when) == ("save", "Checkpoint") and not often:
        raise ConfigError(f"{at}: frequency: found {frequency!r}, expected 1 or more")
    ignored = _unknown(entry, (*_NEEDED, "frequency"))
    return StateSaving(
        at, "save" if direction == "save" else "restore", entry["path"], ignored
    )
