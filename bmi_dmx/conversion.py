"""Between plain data (mappings, lists, text, numbers) and typed dataclasses.

What a field may be is said by its annotation alone, and nothing is guessed: text is not
a number and 1 is not True. Only a whole number may stand where a fraction could.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePath
from typing import (
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from .errors import ConfigError, DmxError, suggestion

__all__ = [
    "MOST",
    "convert",
    "datetime_of",
    "plain",
    "refuse_outside",
    "without_zone",
]

T = TypeVar("T")

MOST = 2**16
"""Most members of a part, units of a layer, or repetitions: more than anybody wants."""


def refuse_outside(
    key: str, value: int | None, least: int, most: int | None = None
) -> None:
    """Refuse a number that is too small or too large; None is neither.

    Raises
    ------
    ConfigError
        Naming the key.
    """
    if value is not None and value < least:
        raise ConfigError(f"{key}: expected at least {least}, found {value}")
    if value is not None and most is not None and value > most:
        raise ConfigError(f"{key}: expected at most {most}, found {value}")


def convert(data: Any, kind: type[T], where: str = "") -> T:
    """Convert plain data into a type, usually a dataclass.

    Understood are dataclasses (nested, with defaults), ``bool``, ``int``, ``float``,
    ``str``, ``Path``, ``date``, ``datetime``, ``Literal``, ``Optional`` and other
    unions, ``list``, ``Sequence``, ``tuple``, ``dict``, ``Mapping`` and ``Any``; and
    classes with a class method ``from_plain(data, convert)``, whose second argument
    converts what is inside.

    Parameters
    ----------
    data : object
        Plain data, as from a YAML file.
    kind : type
        The type to make.
    where : str
        What messages begin with, such as the name of the file.

    Returns
    -------
    kind
        Containers are new; nothing is shared with ``data`` but what is ``Any``.

    Raises
    ------
    ConfigError
        When data does not fit; names the dotted key, what was found and what was
        expected, or for an unknown key the nearest valid one. A ``ValueError`` or
        ``DmxError`` of a dataclass's ``__post_init__`` is passed on in the same form.
    TypeError
        When ``kind`` itself holds a type that is not understood.
    """
    try:
        return cast(T, _convert(data, kind, _Place(where)))
    except _PlacedError as error:
        raise ConfigError(str(error)) from error.__cause__


def plain(
    value: Any, where: str = "", odd: Callable[[float, str], Any] | None = None
) -> Any:
    """Return a value as mappings, lists, text and numbers, which any file can keep.

    Parameters
    ----------
    value : object
        Dataclasses (fields that are None are left out), objects with a ``to_dict``,
        mappings, lists, tuples, arrays, dates, paths, and what is plain already.
    where : str
        What messages begin with; the keys that lead to a value follow.
    odd : callable, optional
        What to take for a number that is not finite, given it and its place; default:
        the number.

    Raises
    ------
    ConfigError
        When a value is none of these; names its key.
    """
    if hasattr(value, "to_dict"):
        return plain(value.to_dict(), where, odd)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        entries = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        present = {name: entry for name, entry in entries.items() if entry is not None}
        return plain(present, where, odd)
    if isinstance(value, Mapping):
        return {str(k): plain(x, f"{where}: {k}", odd) for k, x in value.items()}
    if isinstance(value, list | tuple):
        return [plain(x, f"{where}: {i}", odd) for i, x in enumerate(value)]
    if hasattr(value, "tolist"):
        # NumPy's dates of high resolution would become mere counts.
        dates = getattr(getattr(value, "dtype", None), "kind", "") == "M"
        return plain((value.astype(str) if dates else value).tolist(), where, odd)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value) and odd is not None:
        return odd(value, where)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    kind = type(value).__name__
    raise ConfigError(f"{where}: {kind} cannot be written as plain data")


class _PlacedError(ConfigError):
    """An error whose message begins with where in the data it arose."""


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where in the data a value stands."""

    where: str
    key: str = ""

    def __truediv__(self, name: object) -> _Place:
        return _Place(self.where, f"{self.key}.{name}" if self.key else str(name))

    def error(self, problem: str) -> ConfigError:
        return _PlacedError(
            ": ".join(part for part in (self.where, self.key, problem) if part)
        )

    def misfit(self, data: Any, expected: str) -> ConfigError:
        return self.error(f"found {shown(data)}, expected {expected}")


def shown(data: Any) -> str:
    """Return a value as a person would name it."""
    if data is None:
        return "nothing"
    if isinstance(data, Mapping):
        return "a mapping"
    if isinstance(data, list | tuple):
        return "a list"
    text = " ".join(repr(data).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _expected(kind: Any) -> str:
    """Return a type as a person would name it."""
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(_expected(member) for member in arguments)
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if dataclasses.is_dataclass(origin):
        return "a mapping"
    return _NAMES.get(origin, getattr(origin, "__name__", str(origin)))


def _convert(data: Any, kind: Any, at: _Place) -> Any:
    if kind is Any or kind is object:
        return data
    origin = get_origin(kind) or kind
    maker = _MAKERS.get(origin)
    if maker is not None:
        return maker(data, kind, at)
    if hasattr(origin, "from_plain"):
        return _own(data, origin, at)
    if dataclasses.is_dataclass(origin):
        return _dataclass(data, origin, at)
    raise TypeError(f"{at.key or 'data'}: cannot convert into {kind!r}")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _dataclass(data: Any, kind: Any, at: _Place) -> Any:
    if not isinstance(data, Mapping):
        raise at.misfit(data, "a mapping")
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    for key in data:
        if key not in fields:
            raise (at / key).error(f"unknown key{suggestion(str(key), fields)}")
    for name, field in fields.items():
        default = (field.default, field.default_factory)
        if name not in data and default == (dataclasses.MISSING, dataclasses.MISSING):
            raise (at / name).error("missing; it has no default")
    hints = _hints(kind)
    values = {name: _convert(data[name], hints[name], at / name) for name in data}
    try:
        return kind(**values)
    except (DmxError, ValueError) as error:
        raise at.error(str(error)) from error


def _own(data: Any, kind: Any, at: _Place) -> Any:
    """Let a type read itself; what it converts stands where the data do."""
    try:
        return kind.from_plain(data, lambda inner, type_: _convert(inner, type_, at))
    except _PlacedError:
        raise
    except (DmxError, ValueError) as error:
        raise at.error(str(error)) from error


def _scalar(
    accepts: type | tuple[type, ...],
    make: Callable[[Any], Any],
) -> Callable[[Any, Any, _Place], Any]:
    """Return a converter of values of some types; True and False are no numbers."""

    def converter(data: Any, kind: Any, at: _Place) -> Any:
        if isinstance(data, accepts) and (kind is bool or not isinstance(data, bool)):
            try:
                return make(data)
            except (ValueError, OverflowError):
                pass
        raise at.misfit(data, _expected(kind))

    return converter


def _float(data: int | float) -> float:
    value = float(data)
    if math.isnan(value):
        raise ValueError
    return value


def _path(data: str | Path) -> Path:
    if not str(data) or "\0" in str(data):
        raise ValueError
    return Path(data)


def _date(data: str | datetime.date) -> datetime.date:
    if isinstance(data, datetime.datetime):
        raise ValueError  # a datetime is a date, but its time would be lost
    return datetime.date.fromisoformat(data) if isinstance(data, str) else data


def _datetime(data: str | datetime.datetime) -> datetime.datetime:
    return datetime_of(data) if isinstance(data, str) else data


def datetime_of(text: str) -> datetime.datetime:
    """Return a date and time as it is written; ``Z`` behind it stands for UTC.

    Raises
    ------
    ValueError
        It is none.
    """
    # Python 3.10 knows no Z.
    return datetime.datetime.fromisoformat(re.sub(r"(?<=\d)[zZ]$", "+00:00", text))


def without_zone(moment: datetime.datetime) -> datetime.datetime | None:
    """Return a date and time, UTC, without a zone; None where it has another one."""
    if moment.tzinfo is None:
        return moment
    return None if moment.utcoffset() else moment.replace(tzinfo=None)


def _none(data: Any, kind: Any, at: _Place) -> None:
    if data is not None:
        raise at.misfit(data, "nothing")


def _literal(data: Any, kind: Any, at: _Place) -> Any:
    choices = get_args(kind)
    for choice in choices:
        # 1 == True == 1.0: the types must agree as well.
        if type(choice) is type(data) and choice == data:
            return choice
    if isinstance(data, str):
        raise at.error(f"unknown value {data!r}{suggestion(data, map(str, choices))}")
    raise at.misfit(data, _expected(kind))


def _union(data: Any, kind: Any, at: _Place) -> Any:
    members = [m for m in get_args(kind) if m is not type(None)]
    if data is None and len(members) < len(get_args(kind)):
        return None
    shape = _shape(data)
    fitting = [m for m in members if _wants(m) in (shape, "any")]
    if len(fitting) > 1:
        for member in fitting:
            with contextlib.suppress(ConfigError):
                return _convert(data, member, at)
    if len(fitting) == 1 or (fitting and shape != "scalar"):
        # What a member says itself is more exact than the list of all of them.
        return _convert(data, fitting[0], at)
    raise at.misfit(data, _expected(kind))


def _shape(data: Any) -> str:
    if isinstance(data, Mapping):
        return "mapping"
    return "list" if isinstance(data, list | tuple) else "scalar"


@cache
def _wants(kind: Any) -> str:
    """Return the shape of data from which a type can be made."""
    origin = get_origin(kind) or kind
    if kind is Any or kind is object or origin in (Union, types.UnionType):
        return "any"
    reads_itself = hasattr(origin, "from_plain")
    if reads_itself or dataclasses.is_dataclass(origin) or origin in (dict, Mapping):
        return "mapping"
    return "list" if origin in (list, tuple, Sequence) else "scalar"


def _list(data: Any, kind: Any, at: _Place) -> list[Any]:
    if not isinstance(data, list | tuple):
        raise at.misfit(data, "a list")
    (item,) = get_args(kind) or (Any,)
    return [_convert(value, item, at / index) for index, value in enumerate(data)]


def _tuple(data: Any, kind: Any, at: _Place) -> tuple[Any, ...]:
    items = get_args(kind) or (Any, ...)
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_list(data, list[items[0]], at))  # type: ignore[valid-type]
    if not isinstance(data, list | tuple):
        raise at.misfit(data, "a list")
    if len(data) != len(items):
        raise at.error(f"found {len(data)} entries, expected {len(items)}")
    pairs = enumerate(zip(data, items, strict=True))
    return tuple(_convert(value, item, at / index) for index, (value, item) in pairs)


def _dict(data: Any, kind: Any, at: _Place) -> dict[Any, Any]:
    if not isinstance(data, Mapping):
        raise at.misfit(data, "a mapping")
    key_kind, item = get_args(kind) or (Any, Any)
    return {
        _convert(key, key_kind, at / key): _convert(value, item, at / key)
        for key, value in data.items()
    }


_MAKERS: dict[Any, Callable[[Any, Any, _Place], Any]] = {
    bool: _scalar(bool, bool),
    int: _scalar(int, int),
    float: _scalar((int, float), _float),
    str: _scalar(str, str),
    Path: _scalar((str, Path), _path),
    datetime.date: _scalar((str, datetime.date), _date),
    datetime.datetime: _scalar((str, datetime.datetime), _datetime),
    types.NoneType: _none,
    Literal: _literal,
    Union: _union,
    types.UnionType: _union,
    list: _list,
    Sequence: _list,
    tuple: _tuple,
    dict: _dict,
    Mapping: _dict,
}

_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    datetime.date: "a date such as 1980-10-01",
    datetime.datetime: "a date and time such as 1980-10-01 00:00:00",
    types.NoneType: "nothing",
    list: "a list",
    Sequence: "a list",
    tuple: "a list",
    dict: "a mapping",
    Mapping: "a mapping",
}
