"""The command ``dmx schema``: what configuration files may hold, for editors."""

from __future__ import annotations

import inspect
import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from ..errors import ConfigError
from ..files import atomic
from ..registries import systems
from ..schema import DRAFT, Schema, schema_of
from .registries import configurations, tasks

__all__ = ["file_schema", "kinds", "schema_arguments", "schema_command", "write_schema"]

COMPONENT = "component"


def kinds() -> Iterator[str]:
    """Yield the kinds of configuration files: experiments by their task, and others."""
    yield from tasks
    yield from configurations
    yield COMPONENT
    for name in systems:
        yield f"{COMPONENT}-{name}"


def file_schema(kind: str) -> Schema:
    """Return the schema of a kind of configuration files.

    Raises
    ------
    ConfigError
        There is no such kind.
    """
    if kind.startswith(COMPONENT):
        schema = _component(kind.removeprefix(COMPONENT).removeprefix("-"))
    elif kind in configurations:
        entry = configurations[kind]
        schema = entry() if inspect.isfunction(entry) else schema_of(entry)
    else:
        schema = _experiment(kind)
    return {"$schema": DRAFT, "title": f"bmi_dmx: {kind}", **schema}


def _experiment(task: str) -> Schema:
    """Return the schema of an experiment, which may have several models."""
    schema = schema_of(tasks[task].schema)
    properties = schema["properties"]
    properties["model"] = {"anyOf": [properties["model"], {"type": "string"}]}
    properties["models"] = {
        "description": "Models of which 'model' names one; each may be 'like' another.",
        "type": "object",
        "additionalProperties": {"type": "object"},
    }
    return schema


def _component(name: str) -> Schema:
    """Return the schema of a component, with what a system lets choose."""
    from ..bmi.settings import Settings

    if not name:
        return schema_of(Settings)
    system = systems[name]
    schema = schema_of(system.settings or Settings)
    for part, choices in system.choices.items():
        schema["properties"][part] = {
            "description": f"What serves as the part {part!r} of the model.",
            "enum": list(choices),
        }
    return schema


def schema_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx schema``."""
    parser.add_argument(
        "kind", help=f"kind of configuration file: {', '.join(kinds())}"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where to (default: printed)"
    )


def schema_command(options: Namespace) -> None:
    """Write or print the schema of a kind of configuration files."""
    if options.kind not in kinds():
        raise ConfigError(
            f"unknown kind {options.kind!r}, expected one of {', '.join(kinds())}"
        )
    if options.output is None:
        print(_text(options.kind), end="")
        return
    write_schema(options.kind, options.output)
    print(options.output)


def write_schema(kind: str, path: Path) -> None:
    """Write the schema of a kind of configuration files."""
    with atomic(path) as temporary:
        temporary.write_text(_text(kind), encoding="utf-8")


def _text(kind: str) -> str:
    return json.dumps(file_schema(kind), indent=1, ensure_ascii=False) + "\n"
