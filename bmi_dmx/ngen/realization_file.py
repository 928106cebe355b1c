"""Realization files, understood as the framework understands them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..config import convert
from ..conversion import shown
from ..errors import ConfigError, suggestion
from .forcing import STEP, epoch
from .realization import (
    ForcingSource,
    MassBalance,
    Module,
    Output,
    Period,
    Realization,
)
from .saving import SAVING, read_saving

__all__ = ["read_realization"]

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def read_realization(path: Path) -> Realization:
    """Read a realization file.

    Numbers may be written as text, as the framework knows text alone.

    Raises
    ------
    ConfigError
        When it is not JSON, or a key is missing or of the wrong kind; names the key.
    """
    data = _json(path)
    where = str(path)
    common = _mapping(data, "global", where)
    groups = _Groups(data, where)
    forcing = _forcing(common, f"{where}: global")
    formulation = _formulation(common, f"{where}: global")
    catchments = {
        str(name): groups.of(entry, f"{where}: catchments: {name}")
        for name, entry in _mapping(data, "catchments", where).items()
    }
    if formulation is None and not catchments:
        raise ConfigError(f"{where}: global: formulations: missing")
    routing = _mapping(data, "routing", where)
    return Realization(
        path=path,
        formulation=formulation,
        forcing=forcing,
        catchments=catchments,
        period=_period(data, where),
        output=_output(data, where),
        routing=str(routing.get("t_route_config_file_with_path", "")),
        saving=read_saving(data, where),
        groups=groups.names,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        # The framework passes over a mark of the byte order, too.
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not valid JSON: {error}") from None
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        hint = _hint(text, error.pos)
        raise ConfigError(f"{path}: not valid JSON: {error}{hint}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected an object, found {data!r:.40}")
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose keys differ: of equal ones each reader takes another."""
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in mapping if names.count(name) > 1)
        raise ValueError(f"key {twice!r} is given twice in one object")
    return mapping


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _hint(text: str, place: int) -> str:
    """Say what people write that JSON does not have."""
    rest = text[place:].lstrip()
    before = text[:place].rstrip()
    if rest.startswith(("//", "/*", "#")):
        return "; comments are not possible"
    # The readers of different versions of Python stop before or after the comma.
    closing = rest.removeprefix(",").lstrip()[:1]
    if closing in ("}", "]") and (before.endswith(",") or rest.startswith(",")):
        return f"; there is a comma before {closing!r}"
    return ""


def _mapping(data: Any, key: str, where: str) -> dict[str, Any]:
    mapping = data.get(key) if isinstance(data, dict) else None
    if mapping is not None and not isinstance(mapping, dict):
        raise ConfigError(f"{where}: {key}: expected an object, found {mapping!r:.40}")
    return mapping or {}


class _Groups:
    """Formulations and forcings with names, which catchments may refer to."""

    def __init__(self, data: dict[str, Any], where: str) -> None:
        self._formulations = _mapping(data, "formulation_groups", where)
        self._forcings = _mapping(data, "forcing_groups", where)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all."""
        return (*self._formulations, *self._forcings)

    def of(self, entry: Any, at: str) -> tuple[Module, ForcingSource]:
        """Return what runs at a catchment, and its forcing.

        Raises
        ------
        ConfigError
            When one of them is missing: what is global does not serve.
        """
        block = dict(entry) if isinstance(entry, dict) else {}
        for key, groups in (
            ("formulations", self._formulations), ("forcing", self._forcings),
        ):  # fmt: skip
            name = block.get(key)
            if not isinstance(name, str):
                continue
            if name not in groups:
                hint = suggestion(name, groups)
                raise ConfigError(f"{at}: {key}: no group {name!r}{hint}")
            block[key] = groups[name]
        module, forcing = _formulation(block, at), _forcing(block, at)
        if module is None or forcing is None:
            lacking = "formulations" if module is None else "forcing"
            raise ConfigError(
                f"{at}: {lacking}: missing; what is global does not serve"
            )
        return module, forcing


def _formulation(data: Any, where: str) -> Module | None:
    entries = data.get("formulations") if isinstance(data, dict) else None
    if not entries:
        return None
    if not isinstance(entries, list) or len(entries) != 1:
        raise ConfigError(
            f"{where}: formulations: expected a list of one, found {entries!r:.60}"
        )
    return _module(entries[0], f"{where}: formulations")


_KEYS = {f.name for f in fields(Module)} - {"kind", "modules", "ignored", "saving"}
_OTHERS = {"modules", *SAVING}


def _module(data: Any, where: str) -> Module:
    params = _mapping(data, "params", where)
    kind = data.get("name") if isinstance(data, dict) else None
    if not isinstance(kind, str) or not kind:
        raise ConfigError(f"{where}: name: missing; expected such as 'bmi_python'")
    at = f"{where}: {kind}: params"
    settings = {key: params[key] for key in params if key in _KEYS}
    keys = ["model_type_name", "main_output_variable"]
    keys += ["modules"] if kind == "bmi_multi" else ["init_config"]
    keys += ["python_type"] if kind == "bmi_python" else []
    for key in keys:
        if key not in params:
            raise ConfigError(f"{at}: {key}: missing")
    if isinstance(settings.get("mass_balance"), dict):
        settings["mass_balance"] = _plain(settings["mass_balance"], MassBalance)
    module: Module = convert({**_plain(settings, Module), "kind": kind}, Module, at)
    nested = params.get("modules", [])
    if not isinstance(nested, list) or (kind == "bmi_multi" and not nested):
        raise ConfigError(f"{at}: modules: expected a list, found {nested!r:.40}")
    return replace(
        module,
        modules=tuple(
            _module(entry, f"{at}: modules[{i}]") for i, entry in enumerate(nested)
        ),
        ignored=tuple(key for key in params if key not in _KEYS | _OTHERS),
        saving=read_saving(params, at),
    )


def _plain(data: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Return numbers and truths that are written as text as what they are."""
    kinds = {f.name: str(f.type).removesuffix(" | None") for f in fields(kind)}
    settings = dict(data)
    for key, text in data.items():
        if not isinstance(text, str):
            continue
        target = kinds.get(key)
        if target == "bool":
            settings[key] = _BOOLEANS.get(text, text)
        elif target in ("int", "float"):
            with suppress(ValueError):
                settings[key] = int(text) if target == "int" else float(text)
    return settings


def _forcing(data: Any, where: str) -> ForcingSource | None:
    block = _mapping(data, "forcing", where)
    if not block:
        return None
    names = {f.name for f in fields(ForcingSource)}
    settings = {key: value for key, value in block.items() if key in names}
    return convert(settings, ForcingSource, f"{where}: forcing")


def _period(data: dict[str, Any], where: str) -> Period:
    block = _mapping(data, "time", where)
    at = f"{where}: time"
    for key in ("start_time", "end_time"):
        if key in block and not _TIME.fullmatch(str(block[key])):
            raise ConfigError(
                f"{at}: {key}: found {block[key]!r}, expected such as "
                "'2015-12-01 00:00:00'"
            )
    if "output_interval" not in block:
        raise ConfigError(f"{at}: output_interval: missing; expected {STEP}")
    names = {f.name for f in fields(Period)}
    settings = {key: value for key, value in block.items() if key in names}
    period: Period = convert(_plain(settings, Period), Period, at)
    span = epoch(period.end_time) - period.start
    if span < 0 or span % STEP:
        raise ConfigError(
            f"{at}: end_time: found {period.end_time}, expected a whole number of "
            f"hours after start_time {period.start_time}"
        )
    if period.output_interval < 1:
        raise ConfigError(
            f"{at}: output_interval: found {period.output_interval}, expected {STEP}"
        )
    return period


_GROUPING = ("per_feature", "per_formulation")
_OUTPUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "catchment": {"format": ("csv",), "grouping": _GROUPING},
    "nexus": {"format": ("csv", "netcdf"), "grouping": _GROUPING},
}
"""What the framework can write, what is written here first."""


def _output(data: dict[str, Any], where: str) -> Output:
    block = _mapping(data, "output", where)
    if not block:
        return _older_output(data)
    at, otherwise = f"{where}: output", []
    enabled = {}
    for domain, settings in _OUTPUTS.items():
        entry = _mapping(block, domain, at)
        for key, choices in settings.items():
            choice = entry.get(key, choices[0])
            if choice not in choices:
                raise ConfigError(
                    f"{at}: {domain}: {key}: found {shown(choice)}, expected "
                    f"{' or '.join(choices)}"
                )
            if choice != choices[0]:
                otherwise.append(f"output: {domain}: {key}: {choice}")
        enabled[domain] = _BOOLEANS.get(str(entry.get("enable", True)).lower(), True)
    output = {
        "root": str(block.get("root") or "./"),
        "precision": block.get("precision", 9),
        "catchments": enabled["catchment"],
        "nexuses": enabled["nexus"],
        "otherwise": otherwise,
    }
    return convert(_plain(output, Output), Output, at)


def _older_output(data: dict[str, Any]) -> Output:
    """Return the output of a realization in which it has no block of its own."""

    def is_set(key: str) -> bool:
        return str(data.get(key, False)).lower() in ("true", "1")

    together = "per_formulation_nexus_files"
    return Output(
        root=str(data.get("output_root") or "./"),
        catchments=not is_set("disable_catchment_output"),
        otherwise=(f"{together}: true",) if is_set(together) else (),
    )
