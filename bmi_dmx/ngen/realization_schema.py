"""JSON Schema of realization files, from what they are read into."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..schema import Schema, schema_of
from .realization import ForcingSource, MassBalance, Module, Period

__all__ = ["realization_schema"]

_NOT_KEYS = ("kind", "modules", "ignored", "saving")
"""What is told of a module that is no key of its ``params``."""

_FORMULATION = {"$ref": "#/definitions/formulation"}


def realization_schema() -> Schema:
    """Return the schema of a realization file.

    Keys that the framework passes over are let pass; of modules, forcing and time
    the keys that are understood here are described.
    """
    one = {
        "formulations": {
            "type": "array", "items": _FORMULATION, "minItems": 1, "maxItems": 1,
        },
        "forcing": _open(ForcingSource),
    }  # fmt: skip
    groups = {"type": "object", "additionalProperties": {"type": ["object", "array"]}}
    return {
        "type": "object",
        "properties": {
            "global": {"type": "object", "properties": one},
            "catchments": {"type": "object", "additionalProperties": {}},
            "formulation_groups": groups,
            "forcing_groups": groups,
            "time": _open(Period),
            "routing": {
                "type": "object",
                "properties": {"t_route_config_file_with_path": {"type": "string"}},
            },
            "output_root": {"type": "string"},
        },
        "required": ["time"],
        "definitions": {"formulation": _formulation()},
    }


def _formulation() -> Schema:
    params = _open(Module, _NOT_KEYS)
    params["properties"]["mass_balance"] = _open(MassBalance)
    params["properties"]["modules"] = {"type": "array", "items": _FORMULATION}
    params["required"] = ["model_type_name", "main_output_variable"]
    return {
        "type": "object",
        "properties": {
            "name": {
                "description": "Kind of the module, such as `bmi_python`, or "
                "`bmi_multi` for several of them.",
                "type": "string",
            },
            "params": params,
        },
        "required": ["name", "params"],
    }


def _open(kind: type, without: Sequence[str] = ()) -> Schema:
    """Return the schema of a dataclass, among whose keys others may stand.

    Numbers and truths may be text, as the framework knows text alone.
    """
    schema = schema_of(kind, without)
    del schema["additionalProperties"]
    schema["properties"] = {k: _or_text(x) for k, x in schema["properties"].items()}
    return schema


def _or_text(entry: dict[str, Any]) -> Schema:
    if entry.get("type") in ("boolean", "integer", "number"):
        return {**entry, "type": [entry["type"], "string"]}
    return entry
