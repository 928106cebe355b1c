"""JSON Schema of configuration files, for editors that complete and check them.

A schema is made of the dataclasses that :mod:`~bmi_dmx.conversion` reads files into,
and of what their docstrings say about each key.
"""

from __future__ import annotations

import dataclasses
import datetime
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from .conversion import plain

__all__ = ["DRAFT", "Schema", "parameters", "schema_of"]

DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft that editors know."""

Schema: TypeAlias = dict[str, Any]

_SIMPLE: dict[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Path: {"type": "string"},
    datetime.date: {"type": "string", "format": "date"},
    # With a blank or a T between date and time, both of which are read.
    datetime.datetime: {"type": "string"},
    types.NoneType: {"type": "null"},
}


def schema_of(kind: Any, without: Sequence[str] = ()) -> Schema:
    """Return what data must be like to be converted into a type.

    Parameters
    ----------
    kind : type
        What :func:`~bmi_dmx.conversion.convert` understands. A class with a class
        method ``from_plain`` has another, ``schema(schema_of)``.
    without : sequence of str
        Fields of a dataclass that are no keys.

    Returns
    -------
    Schema
        What is refused by a dataclass itself is not in it.
    """
    if kind is Any or kind is object:
        return {}
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin in _SIMPLE:
        return dict(_SIMPLE[origin])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(member) for member in arguments]}
    if origin in (list, Sequence, tuple):
        return _array(origin, arguments)
    if origin in (dict, Mapping):
        item = arguments[1] if arguments else Any
        return {"type": "object", "additionalProperties": schema_of(item)}
    if hasattr(origin, "from_plain"):
        schema: Callable[[Callable[[Any], Schema]], Schema] = origin.schema
        return schema(schema_of)
    return _object(origin, without)


def _array(origin: Any, arguments: tuple[Any, ...]) -> Schema:
    if origin is not tuple or (len(arguments) == 2 and arguments[1] is Ellipsis):
        item = arguments[0] if arguments else Any
        return {"type": "array", "items": schema_of(item)}
    items = [schema_of(item) for item in arguments]
    return {
        "type": "array", "items": items,
        "minItems": len(items), "maxItems": len(items),
    }  # fmt: skip


def _object(kind: type, without: Sequence[str]) -> Schema:
    """Return the schema of a dataclass: its keys, what they mean, no others."""
    hints, about = get_type_hints(kind), parameters(kind)
    required, keys = [], {}
    for field in dataclasses.fields(kind):
        if not field.init or field.name in without:
            continue
        entry = schema_of(hints[field.name])
        if field.name in about:
            entry = {"description": about[field.name], **entry}
        if field.default not in (dataclasses.MISSING, None):
            entry["default"] = plain(field.default)
        elif (field.default, field.default_factory) == (dataclasses.MISSING,) * 2:
            required.append(field.name)
        keys[field.name] = entry
    schema = {"type": "object", "properties": keys, "additionalProperties": False}
    return {**schema, "required": required} if required else schema


def parameters(kind: type) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say of each parameter.

    References to other objects are their plain names in backticks; the choices of a
    parameter come last.
    """
    return {
        name: text
        for base in reversed(kind.__mro__)
        for name, text in _own_parameters(base).items()
    }


def _own_parameters(kind: type) -> dict[str, str]:
    documentation = inspect.getdoc(kind) or ""
    section = documentation.partition("Parameters\n----------\n")[2]
    section = re.split(r"\n\w+\n-+\n", section)[0]
    texts = {}
    for entry in re.split(r"\n(?=\S)", section):
        head, _, text = entry.partition("\n")
        names, _, kind_of = head.partition(" : ")
        about = _unmarked(" ".join(textwrap.dedent(text).split()))
        choices = re.search(r"\{(.+)\}", kind_of)
        if choices:
            words = " ".join(choices[1].replace('"', "`").split())
            about += f" One of {words}."
        for name in names.split(", "):
            texts[name] = about
    return texts


def _unmarked(text: str) -> str:
    return re.sub(r":\w+:`~?\.*(?:[\w.]+\.)?(\w+)`", r"`\1`", text).replace("``", "`")
