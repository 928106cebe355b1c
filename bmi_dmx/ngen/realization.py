"""The realization file: which modules run where, on what forcing, and when."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from ..config import convert
from ..errors import ConfigError, suggestion
from .forcing import STEP, epoch

__all__ = [
    "Column",
    "ForcingSource",
    "MassBalance",
    "Module",
    "Output",
    "Period",
    "Realization",
    "read_realization",
]

Value = float | str | bool | None | list[Any] | dict[str, Any]

_PLACEHOLDER = "{{id}}"

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@dataclass(frozen=True, kw_only=True)
class MassBalance:
    """How the mass balance of a module is watched."""

    check: bool = True
    tolerance: float = 1e-16
    frequency: int = 1
    fatal: bool = False


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a catchment's output file: the variable and its heading."""

    variable: str
    heading: str


@dataclass(frozen=True, kw_only=True)
class Module:
    """One module (``name`` and ``params`` of a formulation), or a chain of them.

    Parameters
    ----------
    kind : str
        ``bmi_python``, ``bmi_multi`` for a chain, or a compiled kind.
    modules : tuple of Module
        Those of a chain, in the order in which they run.
    ignored : tuple of str
        Keys that were not understood; the framework passes over them.

    Others are the keys of ``params`` with the framework's defaults.
    """

    kind: str
    model_type_name: str
    main_output_variable: str
    init_config: str = ""
    python_type: str = ""
    module_path: str = ""
    variables_names_map: dict[str, str] = field(default_factory=dict)
    model_params: dict[str, Value] = field(default_factory=dict)
    output_variables: tuple[str, ...] | None = None
    output_header_fields: tuple[str, ...] | None = None
    output_precision: int | None = None
    allow_exceed_end_time: bool = False
    fixed_time_step: bool = True
    uses_forcing_file: bool = False
    forcing_file: str = ""
    cache_input_variable_metadata: bool = False
    library_file: str = ""
    registration_function: str = ""
    mass_balance: MassBalance | None = None
    default_output_values: tuple[dict[str, Any], ...] = ()
    modules: tuple[Module, ...] = ()
    ignored: tuple[str, ...] = ()

    def columns(self, outputs: tuple[str, ...]) -> tuple[Column, ...]:
        """Return the columns of the output file; ``outputs`` where none are chosen."""
        names = outputs if self.output_variables is None else self.output_variables
        titles = self.output_header_fields or ()
        if len(titles) != len(names):
            titles = names
        pairs = zip(names, titles, strict=True)
        return tuple(Column(variable=v, heading=t) for v, t in pairs)

    def mapped(self, name: str) -> str:
        """Return what the framework calls a variable of the module."""
        return self.variables_names_map.get(name, name)

    def at(self, catchment: str) -> Module:
        """Return the module with the catchment put in its file names."""
        return replace(
            self,
            init_config=self.init_config.replace(_PLACEHOLDER, catchment),
            modules=tuple(module.at(catchment) for module in self.modules),
        )


@dataclass(frozen=True, kw_only=True)
class ForcingSource:
    """Where the forcing is: a NetCDF file, a folder of CSV files, or one of them."""

    path: str
    provider: Literal["CsvPerFeature", "NetCDF"] = "CsvPerFeature"
    file_pattern: str = ""


@dataclass(frozen=True, kw_only=True)
class Period:
    """Time of the run, UTC; both ends are the beginnings of steps.

    ``output_interval`` (s) is the framework's bookkeeping: every hour is run and
    written whatever it is.
    """

    start_time: datetime
    end_time: datetime
    output_interval: int = STEP

    @property
    def start(self) -> int:
        """Return the start in seconds since 1970."""
        return epoch(self.start_time)

    @property
    def steps(self) -> int:
        """Return the number of steps."""
        return (epoch(self.end_time) - self.start) // STEP + 1


@dataclass(frozen=True, kw_only=True)
class Output:
    """What is written, and where."""

    root: str = "./"
    precision: int = 9
    catchments: bool = True
    nexuses: bool = True


@dataclass(frozen=True, kw_only=True)
class Realization:
    """A whole realization file.

    Parameters
    ----------
    path : Path
        The file.
    formulation : Module or None
        What runs at every catchment that has none of its own.
    forcing : ForcingSource or None
        Its forcing.
    catchments : dict of str to (Module, ForcingSource)
        Those with formulations of their own.
    period : Period
        When.
    output : Output
        What is written.
    routing : str
        Configuration of the channel routing; empty without one.
    """

    path: Path
    formulation: Module | None
    forcing: ForcingSource | None
    catchments: dict[str, tuple[Module, ForcingSource]]
    period: Period
    output: Output
    routing: str = ""

    def module(self, catchment: str) -> Module:
        """Return what runs at a catchment.

        Raises
        ------
        ConfigError
            When neither the catchment nor the whole domain has a formulation.
        """
        own = self.catchments.get(catchment)
        if own:
            return own[0].at(catchment)
        found = self.formulation
        if found is None:
            known = suggestion(catchment, self.catchments)
            raise ConfigError(
                f"{self.path}: catchment {catchment!r} has no formulation, and there "
                f"is no global one{known}"
            )
        return found.at(catchment)

    def source(self, catchment: str) -> ForcingSource:
        """Return where the forcing of a catchment is."""
        own = self.catchments.get(catchment)
        found = own[1] if own else self.forcing
        if found is None:
            raise ConfigError(f"{self.path}: global: forcing: missing")
        pattern = found.file_pattern.replace(_PLACEHOLDER, catchment, 1)
        return replace(found, file_pattern=pattern)


def read_realization(path: Path) -> Realization:
    """Read a realization file.

    Raises
    ------
    ConfigError
        When it is not JSON, or a key is missing or of the wrong kind; names the key.
    """
    data = _json(path)
    where = str(path)
    common = _mapping(data, "global", where)
    entries = _mapping(data, "catchments", where)
    forcing = _forcing(common, f"{where}: global")
    formulation = _formulation(common, f"{where}: global")
    catchments = {}
    for name, entry in entries.items():
        at = f"{where}: catchments: {name}"
        module, own = _formulation(entry, at), _forcing(entry, at)
        if module is None or own is None:
            lacking = "formulations" if module is None else "forcing"
            raise ConfigError(
                f"{at}: {lacking}: missing; what is global does not serve"
            )
        if _PLACEHOLDER in module.init_config:
            raise ConfigError(
                f"{at}: init_config: found {module.init_config!r}: {_PLACEHOLDER} is "
                f"put in for global formulations only; write {name}"
            )
        catchments[str(name)] = (module, own)
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
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected an object, found {data!r:.40}")
    return data


def _mapping(data: Any, key: str, where: str) -> dict[str, Any]:
    found = data.get(key) if isinstance(data, dict) else None
    if found is not None and not isinstance(found, dict):
        raise ConfigError(f"{where}: {key}: expected an object, found {found!r:.40}")
    return found or {}


def _formulation(data: Any, where: str) -> Module | None:
    entries = data.get("formulations") if isinstance(data, dict) else None
    if not entries:
        return None
    if not isinstance(entries, list) or len(entries) != 1:
        raise ConfigError(
            f"{where}: formulations: expected a list of one, found {entries!r:.60}"
        )
    return _module(entries[0], f"{where}: formulations")


_KEYS = {f.name for f in fields(Module)} - {"kind", "modules", "ignored"}
_OTHERS = {"modules", "serialization"}


def _module(data: Any, where: str) -> Module:
    params = _mapping(data, "params", where)
    kind = data.get("name") if isinstance(data, dict) else None
    if not isinstance(kind, str) or not kind:
        raise ConfigError(f"{where}: name: missing; expected such as 'bmi_python'")
    at = f"{where}: {kind}: params"
    known = {key: params[key] for key in params if key in _KEYS}
    needed = ["model_type_name", "main_output_variable"]
    needed += ["modules"] if kind == "bmi_multi" else ["init_config"]
    needed += ["python_type"] if kind == "bmi_python" else []
    for key in needed:
        if key not in params:
            raise ConfigError(f"{at}: {key}: missing")
    module: Module = convert({**known, "kind": kind}, Module, at)
    nested = params.get("modules", [])
    if not isinstance(nested, list) or (kind == "bmi_multi" and not nested):
        raise ConfigError(f"{at}: modules: expected a list, found {nested!r:.40}")
    return replace(
        module,
        modules=tuple(
            _module(entry, f"{at}: modules[{i}]") for i, entry in enumerate(nested)
        ),
        ignored=tuple(key for key in params if key not in _KEYS | _OTHERS),
    )


def _forcing(data: Any, where: str) -> ForcingSource | None:
    block = _mapping(data, "forcing", where)
    if not block:
        return None
    known = {f.name for f in fields(ForcingSource)}
    chosen = {key: value for key, value in block.items() if key in known}
    return convert(chosen, ForcingSource, f"{where}: forcing")


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
    known = {f.name for f in fields(Period)}
    chosen = {key: value for key, value in block.items() if key in known}
    period: Period = convert(chosen, Period, at)
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


def _output(data: dict[str, Any], where: str) -> Output:
    block = _mapping(data, "output", where)
    if not block:
        root = str(data.get("output_root") or "./")
        disabled = data.get("disable_catchment_output", False) is True
        if data.get("per_formulation_nexus_files", False) is True:
            raise ConfigError(
                f"{where}: per_formulation_nexus_files: found True, only one CSV file "
                "for each nexus is written here"
            )
        return Output(root=root, catchments=not disabled)
    at = f"{where}: output"

    def enabled(domain: str) -> bool:
        entry = _mapping(block, domain, at)
        for key, only in (("format", "csv"), ("grouping", "per_feature")):
            if entry.get(key, only) != only:
                raise ConfigError(
                    f"{at}: {domain}: {key}: found {entry[key]!r}, only {only!r} is "
                    "written here"
                )
        return entry.get("enable", True) is not False

    chosen = {
        "root": str(block.get("root") or "./"),
        "precision": block.get("precision", 9),
        "catchments": enabled("catchment"),
        "nexuses": enabled("nexus"),
    }
    return convert(chosen, Output, at)
