"""The river below the catchments of a run: fed at every step, and written to a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ConfigError, DmxError
from ..models.rivers.component import MuskingumCunge
from ..run.output import Axis, OutputVariable, SeriesFile
from ..run.steps import rows_of
from .forcing import STEP, moment
from .hydrofabric import Hydrofabric
from .realization import Period

__all__ = ["FILE", "River", "RiverFile", "RiverReport"]

FILE = "river.nc"
"""What the file is called, in the folder of the output."""

_FLOW = "land_surface_water_source__volume_flow_rate"
_SOURCES = "land_surface_water_source__id"


@dataclass(frozen=True)
class RiverReport:
    """What a river did.

    Parameters
    ----------
    path : Path
        The file.
    reaches : int
        How many.
    entered : float
        What entered reaches, from the sides and from above, m3.
    residual : float
        What of that is not accounted for, m3.
    """

    path: Path
    reaches: int
    entered: float
    residual: float


class River:
    """Runs a river after all catchments of a step, on what they yield in it.

    Parameters
    ----------
    config : Path
        Configuration of :class:`~bmi_dmx.models.rivers.component.MuskingumCunge`. Where
        its ``sources`` are nexuses, it is fed with the flow at these; else with that of
        each catchment.
    domain : Hydrofabric
        The catchments.
    period : Period
        When.

    Attributes
    ----------
    component : MuskingumCunge
        The river itself.
    by_nexus : bool
        Whether it is fed with the flow at nexuses.

    Raises
    ------
    ConfigError
        When it begins at another time than the run, or a catchment or nexus of the run
        is not in its tree; and what initializing it raises.
    """

    def __init__(self, config: Path, domain: Hydrofabric, period: Period) -> None:
        self.component = component = MuskingumCunge()
        component.initialize(str(config))
        self._period = period
        below = dict.fromkeys(c.toid for c in domain.catchments.values())
        self.by_nexus = not below.keys().isdisjoint(component.sources)
        names = tuple(below if self.by_nexus else domain.catchments)
        if component.start_time != period.start_time:
            raise ConfigError(
                f"{config}: start_time: found {component.start_time}, the run starts "
                f"at {moment(period.start)}"
            )
        try:
            component.set_value("ngen_dt", np.array([float(STEP)]))
            component.set_value(_SOURCES, np.array(names))
        except DmxError as error:
            raise ConfigError(f"{config}: {error}") from None

    def step(
        self, catchments: Mapping[str, float], nexuses: Mapping[str, float]
    ) -> None:
        """Run one step.

        Parameters
        ----------
        catchments, nexuses : mapping of str to float
            What each yields, and what arrives at each, m3 s-1.
        """
        flow = nexuses if self.by_nexus else catchments
        names = self.component.sources
        self.component.set_value(_FLOW, np.array([flow[name] for name in names]))
        self.component.update()


class RiverFile:
    """Series of a river in a CF NetCDF file; what is written stays, whatever happens.

    Parameters
    ----------
    folder : Path
        Where; it is there.
    river : River
        Before its first step.
    period : Period
        When.
    """

    def __init__(self, folder: Path, river: River, period: Period) -> None:
        self.path = folder / FILE
        self._component = component = river.component
        catalogue = component.catalogue
        entries = [catalogue.get(name) for name in component.bundle.manifest.answers]
        variables = [
            OutputVariable(entry.short, entry.units, entry.about)
            for entry in entries
            if entry is not None
        ]
        ids = component.runner.ids
        self._rows = np.empty(
            (len(variables), rows_of(period.steps, len(ids)), len(ids))
        )
        self._names = [variable.name for variable in variables]
        self._first = self._count = 0
        self._file = SeriesFile(
            self.path, variables, component.grids.descriptions, ids,
            Axis(period.start, STEP, period.steps), place="reach",
            title="Flow through reaches", source=component.get_component_name(),
        )  # fmt: skip

    def __enter__(self) -> RiverFile:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is left, and end the file."""
        self._flush()
        self._file.__exit__()

    def write(self) -> None:
        """Write the present step."""
        for rows, name in zip(self._rows, self._names, strict=True):
            rows[self._count] = self._component.get_value_ptr(name)
        self._count += 1
        if self._count == self._rows.shape[1]:
            self._flush()

    def _flush(self) -> None:
        if self._count:
            series = {
                name: rows[: self._count]
                for name, rows in zip(self._names, self._rows, strict=True)
            }
            self._file.write(self._first, series)
            self._first, self._count = self._first + self._count, 0

    def report(self) -> RiverReport:
        """Return what the river did."""
        entered, left, stored, leaked = (
            float(self._component.get_value_ptr(f"ngen::mass_{term}")[0])
            for term in ("in", "out", "stored", "leaked")
        )
        return RiverReport(
            self.path, len(self._component.runner.ids), entered,
            abs(entered - left - stored - leaked),
        )  # fmt: skip
