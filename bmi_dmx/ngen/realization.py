"""A realization: which modules run where, on what forcing, and when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from ..errors import ConfigError, suggestion
from .forcing import STEP, epoch
from .saving import StateSaving

__all__ = [
    "PLACEHOLDER",
    "PYTHON",
    "Column",
    "ForcingSource",
    "MassBalance",
    "Module",
    "Output",
    "Period",
    "Realization",
]

Value = float | str | bool | None | list[Any] | dict[str, Any]

PLACEHOLDER = "{{id}}"
"""What the framework puts the name of a catchment in for."""

PYTHON = "bmi_python"
"""The kind of modules that can be run here."""


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
    saving : tuple of StateSaving
        How the framework saves and restores the state of this module.

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
    saving: tuple[StateSaving, ...] = ()

    @property
    def parts(self) -> tuple[Module, ...]:
        """Those of a chain one by one, or the module itself."""
        return self.modules or (self,)

    @property
    def compiled(self) -> bool:
        """Whether only the framework can run it."""
        return any(part.kind != PYTHON for part in self.parts)

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
            init_config=self.init_config.replace(PLACEHOLDER, catchment),
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
    """What is written, and where.

    Parameters
    ----------
    root : str
        The folder.
    precision : int
        Significant digits of the files of catchments.
    catchments, nexuses : bool
        Whether there are such files.
    otherwise : tuple of str
        Settings by which the framework writes other files than ``dmx ngen run``.
    """

    root: str = "./"
    precision: int = 9
    catchments: bool = True
    nexuses: bool = True
    otherwise: tuple[str, ...] = ()


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
    saving : tuple of StateSaving
        How the framework saves and restores states of all modules.
    groups : tuple of str
        Names of formulations and forcings that catchments share.
    """

    path: Path
    formulation: Module | None
    forcing: ForcingSource | None
    catchments: dict[str, tuple[Module, ForcingSource]]
    period: Period
    output: Output
    routing: str = ""
    saving: tuple[StateSaving, ...] = ()
    groups: tuple[str, ...] = ()

    def module(self, catchment: str) -> Module:
        """Return what runs at a catchment.

        Raises
        ------
        ConfigError
            When neither the catchment nor the whole domain has a formulation.
        """
        entry = self.catchments.get(catchment)
        if entry:
            return entry[0].at(catchment)
        formulation = self.formulation
        if formulation is None:
            hint = suggestion(catchment, self.catchments)
            raise ConfigError(
                f"{self.path}: catchment {catchment!r} has no formulation, and there "
                f"is no global one{hint}"
            )
        return formulation.at(catchment)

    def source(self, catchment: str) -> ForcingSource:
        """Return where the forcing of a catchment is."""
        entry = self.catchments.get(catchment)
        source = entry[1] if entry else self.forcing
        if source is None:
            raise ConfigError(f"{self.path}: global: forcing: missing")
        pattern = source.file_pattern.replace(PLACEHOLDER, catchment, 1)
        return replace(source, file_pattern=pattern)
