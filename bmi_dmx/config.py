"""Configuration: from a YAML file, through plain data, to typed dataclasses.

Scalars are read by the rules of YAML 1.2, which hold fewer surprises than those of the
library: ``1e-3`` is a number, ``no`` and ``12:30`` are text, and so is ``01013500``,
the name of a gauge and not an octal number. Dates stay text until a field asks for one.
"""

from __future__ import annotations

import contextlib
import copy
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import yaml

from .conversion import convert
from .errors import ConfigError
from .files import ADDRESS

__all__ = ["as_yaml", "convert", "expanded", "load", "override", "parse", "read"]

T = TypeVar("T")

# Kind: pattern, and the characters it can begin with ("" for an empty value).
_SCALARS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", [*"-+0123456789"]),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        [*"-+.0123456789"],
    ),
    "null": (r"~|null|Null|NULL|", [*"~nN", ""]),
}


class _Rules:
    """YAML 1.2 scalars, and no key that is given twice; for loaders of the library."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (the library's name)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        loader: Any = super()
        result: dict[Any, Any] = loader.construct_mapping(node, deep)
        if len(result) < len(node.value):
            lines: dict[Any, int] = {}
            for key_node, _ in node.value:
                key = self.construct_object(key_node)  # type: ignore[attr-defined]
                mark = key_node.start_mark
                if key in lines:
                    problem = f"key {key!r} is given twice, first in line {lines[key]}"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
                lines[key] = mark.line + 1
        return result

    def construct_yaml_float(self, node: Any) -> float:
        loader: Any = super()
        number: float = loader.construct_yaml_float(node)
        if math.isinf(number) and "inf" not in node.value.lower():
            raise _problem(f"{node.value!r:.40} is beyond what numbers can be", node)
        return number


class _Escapes(_Rules):
    """What else is to be watched where characters are written as escapes."""

    def construct_yaml_str(self, node: Any) -> str:
        loader: Any = super()
        text: str = loader.construct_yaml_str(node)
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                # An escape can write half a character, which no file can hold.
                raise _problem("text with half a character", node) from None
        return text


def _problem(text: str, node: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)


class _Loader(_Escapes, yaml.SafeLoader):
    """The loader whose messages are shown."""


# The same in C comes with most builds of the library and is ten times as fast.
_c_loader: Any = getattr(yaml, "CSafeLoader", None)
_LOADERS: list[Any] = [_Loader]
_PLAIN_LOADERS: list[Any] = [_Loader]
"""Those for text without escapes, of which there is one more call for every word."""
if _c_loader is not None:
    _LOADERS.insert(0, type("_FastLoader", (_Escapes, _c_loader), {}))
    _PLAIN_LOADERS.insert(0, type("_PlainLoader", (_Rules, _c_loader), {}))

# Kinds of YAML 1.1 that no field asks for, and of which some texts break the library.
_UNKNOWN = ("binary", "omap", "pairs", "set", "timestamp")

_CLASSES = {*_LOADERS, *_PLAIN_LOADERS}

for _class in _CLASSES:
    for _kind in ("str", "float"):
        _made = getattr(_class, f"construct_yaml_{_kind}")
        _class.add_constructor(f"tag:yaml.org,2002:{_kind}", _made)
    for _kind in _UNKNOWN:
        _class.add_constructor(
            f"tag:yaml.org,2002:{_kind}", yaml.SafeLoader.construct_undefined
        )

for _kind, (_pattern, _beginnings) in _SCALARS.items():
    for _class in _CLASSES:
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})\\Z"), _beginnings
        )


def _load(text: str) -> Any:
    loaders = _LOADERS if "\\" in text else _PLAIN_LOADERS
    for loader in loaders[:-1]:
        with contextlib.suppress(*_NOT_YAML):
            return yaml.load(text, Loader=loader)
    return yaml.load(text, Loader=_Loader)


_NOT_YAML = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError)
"""What the library raises; the last ones where a tag and its text do not fit."""


def parse(text: str, where: str) -> Any:
    """Return the plain data that YAML text stands for.

    Parameters
    ----------
    text : str
        YAML.
    where : str
        Where it stands, for messages.

    Raises
    ------
    ConfigError
        As :func:`read`.
    """
    try:
        data = _load(text)
        if "&" in text or sum(map(text.count, ":[{-?")) > _DEEPEST:
            _refuse_huge(data)  # else it cannot be
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}" if mark is not None else ""
        problem = error.problem or error.context
        raise ConfigError(f"{where}{place}: not valid YAML: {problem}") from None
    except RecursionError:
        raise ConfigError(f"{where}: nested too deeply") from None
    except _NOT_YAML as error:
        # Characters YAML forbids, or numbers beyond what Python reads.
        problem = " ".join(str(error).split())
        if not isinstance(error, (yaml.YAMLError, ValueError)):
            problem = "a tag is not that of its text"
        raise ConfigError(f"{where}: not valid YAML: {problem}") from None
    return data


_DEEPEST = 64
"""Most lists and mappings within each other."""

_REPEATED = 1 << 20
"""Most values for which aliases may stand, all together."""


def _refuse_huge(data: Any) -> None:
    """Refuse data of a depth or, by aliases of aliases, of a size that nobody means."""
    weights: dict[int, tuple[int, int]] = {}
    size, depth = _weight(data, weights)
    if depth > _DEEPEST:
        raise RecursionError
    once = sum(1 + len(part) for part in _containers(data))
    if size - once > _REPEATED:
        raise ValueError(
            f"aliases stand for {size - once:g} values, expected at most {_REPEATED}"
        )


def _containers(data: Any) -> Iterator[Any]:
    """Yield lists and mappings, each once."""
    ids: set[int] = set()
    waiting = [data]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (dict, list)) and id(part) not in ids:
            ids.add(id(part))
            yield part
            waiting.extend(part.values() if isinstance(part, dict) else part)


def _weight(data: Any, weights: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Return how many values there are, aliases written out, and how deep they are."""
    if not isinstance(data, (dict, list)):
        return 1, 0
    if id(data) not in weights:
        weights[id(data)] = (0, _DEEPEST + 1)  # what is in itself has no end
        size, depth = 1, 0
        for part in data.values() if isinstance(data, dict) else data:
            more, below = _weight(part, weights)
            size, depth = size + more, max(depth, below)
        weights[id(data)] = size, depth + 1
    return weights[id(data)]


_USUAL, _LARGEST = 1 << 16, 1 << 25
"""Bytes of a file that few exceed, and the most."""


def read(path: str | PathLike[str]) -> Any:
    """Read a YAML file as plain data.

    Parameters
    ----------
    path : path
        File to read.

    Returns
    -------
    object
        Dictionaries, lists, text, numbers, True/False and None.

    Raises
    ------
    ConfigError
        When the file cannot be read, is not YAML, gives a key twice, or is larger or
        deeper than anybody means; names file and line.
    """
    try:
        with Path(path).open("rb") as file:
            # Room for the largest would be set aside before anything is read.
            content = file.read(_USUAL)
            if len(content) == _USUAL:
                content += file.read(_LARGEST + 1 - _USUAL)
        if len(content) > _LARGEST:
            raise ConfigError(f"{path}: larger than {_LARGEST} bytes")
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text: {error}") from None
    return parse(text, str(path))


def load(path: str | PathLike[str], kind: type[T], overrides: Iterable[str] = ()) -> T:
    """Read a YAML file into a typed dataclass.

    Parameters
    ----------
    path : path
        File to read.
    kind : type
        What it must describe; see :func:`convert`.
    overrides : iterable of str
        ``"key.key=value"`` settings that replace those of the file.

    Returns
    -------
    kind

    Raises
    ------
    ConfigError
        When the file is not valid or does not fit ``kind``; names file and key.
    """
    return convert(override(read(path), overrides), kind, where=str(path))


def override(data: Any, settings: Iterable[str]) -> Any:
    """Return plain data with some of its values replaced.

    Parameters
    ----------
    data : object
        Mappings within mappings, as from :func:`read`; left as it is.
    settings : iterable of str
        ``"model.members=4"``: a dotted key and its value in YAML. Keys that are not
        there yet are added; whether they may be is for :func:`convert` to say.

    Raises
    ------
    ConfigError
        When a setting is not ``key=value``, its value is not YAML, or its key leads
        through something that is no mapping.
    """
    result = copy.deepcopy(data)
    for setting in settings:
        key, equals, text = setting.partition("=")
        path = key.strip().split(".")
        if not equals or not all(path):
            message = (
                f"setting {setting!r} is not of the form key=value or key.key=value"
            )
            raise ConfigError(message)
        value = parse(text, f"setting {setting!r}")
        result = _replaced(result, path, value, setting)
    return result


def _replaced(data: Any, path: Sequence[str], value: Any, setting: str) -> Any:
    """Return ``data`` with the entry at ``path`` set."""
    if not path:
        return value
    if data is None:
        data = {}
    if not isinstance(data, dict):
        message = f"setting {setting!r}: nothing can be set below a plain value or list"
        raise ConfigError(message)
    data[path[0]] = _replaced(data.get(path[0]), path[1:], value, setting)
    return data


def as_yaml(data: Any) -> str:
    """Return plain data as YAML that :func:`read` turns into the same, in its order.

    Parameters
    ----------
    data : any
        Mappings and lists of text, numbers, booleans and None.
    """
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=88
    )
    return text


class _Dumper(yaml.SafeDumper):
    """Writes block mappings and one-line lists, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    # Configurations are read by rules a little other than the library's, by which text
    # such as 12e5 is a number: quote whatever could be taken for one.
    style = '"' if value[:1] in "+-.0123456789~" else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _sequence(dumper: yaml.SafeDumper, value: Sequence[Any]) -> yaml.Node:
    short = not any(isinstance(item, (list, dict)) for item in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=short)


def _mapping(dumper: yaml.SafeDumper, value: dict[Any, Any]) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value)


# Those of the library are shared by the whole process, and others change them: some
# packages make it sort the keys of every mapping.
_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _sequence)
_Dumper.add_representer(tuple, _sequence)
_Dumper.add_representer(dict, _mapping)


def expanded(text: str | Path, key: str, folder: Path = Path()) -> Path:
    """Return a path with variables of the environment, and home, put in.

    What is called so as it is written goes before.

    Parameters
    ----------
    text : str or Path
        The path.
    key : str
        Key of the configuration, for messages.
    folder : Path
        Where a relative one starts.

    Raises
    ------
    ConfigError
        A variable of the environment in it is not set, there is no such home, or it is
        the address of something elsewhere.
    """
    text = str(text)
    if ADDRESS.match(text):
        raise ConfigError(
            f"{key}: found {text!r}, an address; expected a path: download it first"
        )
    if not ("~" in text[:1] or "$" in text) or (folder / text).exists():
        return folder / text
    path = os.path.expandvars(text)
    unset = re.search(r"\$\{?(\w+)", path)
    if unset:
        raise ConfigError(
            f"{key}: environment variable {unset.group(1)!r} in {text!r} is not set"
        )
    try:
        return folder / Path(path).expanduser()
    except RuntimeError:
        home = Path(text).parts[0]
        raise ConfigError(f"{key}: no home folder {home!r} for {text!r}") from None
