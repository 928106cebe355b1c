"""Run a realization as the framework does, in this process."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import ConfigError, DmxError
from ..progress import progress
from .check_forcing import coverage
from .check_modules import kind_of, of_one, of_the_kind
from .check_routing import check_routing
from .check_settings import check_settings, unlike
from .findings import Finding
from .forcing import STEP, moment
from .formulation import Formulation
from .hydrofabric import Hydrofabric
from .outputs import CatchmentFiles, NexusFiles
from .providers import Providers, borrowed, providers
from .realization import Period, Realization
from .river import River, RiverFile, RiverReport

__all__ = ["Report", "run"]

_log = logging.getLogger(__name__)

_M2_PER_KM2 = 1e6


@dataclass
class Report:
    """What a run did.

    Attributes
    ----------
    steps, catchments, nexuses : int
        How many.
    mass_residual : float
        Largest residual of a module's mass balance, in its units; NaN once one was.
    mass_watched : int
        Number of modules whose balance was watched.
    mass_breaches : int
        Number of steps with a residual above the tolerance.
    runoff : dict of str to float
        Sum of the main output by catchment, m.
    folder : Path
        Where the output is.
    river : RiverReport or None
        What the river did, where there is one.
    """

    steps: int
    catchments: int
    nexuses: int
    folder: Path
    mass_residual: float = 0.0
    mass_watched: int = 0
    mass_breaches: int = 0
    runoff: dict[str, float] = field(default_factory=dict)
    river: RiverReport | None = None


def run(
    realization: Realization,
    hydrofabric: Hydrofabric,
    *,
    catchments: Sequence[str] | None = None,
    route: Path | None = None,
) -> Report:
    """Run a realization over a domain and write its output files.

    Modules are called in the order, and as often, as by the framework; relative paths
    start from the current directory.

    Parameters
    ----------
    realization : Realization
        What runs.
    hydrofabric : Hydrofabric
        Where.
    catchments : sequence of str, optional
        Only these.
    route : Path, optional
        Configuration of a river that runs after all catchments of a step; see
        :class:`~.river.River`.

    Returns
    -------
    Report

    Raises
    ------
    ConfigError
        When there is what :func:`~.check.check` would find an error; nothing is written
        then.
    DmxError
        Naming catchment, step and time. What was written until then stays.
    """
    domain = hydrofabric if catchments is None else hydrofabric.select(catchments)
    _refuse((*check_settings(realization, domain), *check_routing(realization)))
    for finding in unlike(realization):
        _log.warning("%s", finding.problem)
    with providers(realization, list(domain.catchments)) as forcing:
        _refuse(borrowed(forcing))
        _refuse(coverage(realization, forcing))
        return _run(realization, domain, forcing, route)


def _refuse(findings: Iterable[Finding]) -> None:
    """Refuse to run with the first error, if there is one."""
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        more = " (dmx ngen check says what else)" if len(errors) > 1 else ""
        raise ConfigError(f"{errors[0].problem}{more}")


def _run(
    realization: Realization,
    domain: Hydrofabric,
    forcing: Providers,
    route: Path | None,
) -> Report:
    period = realization.period
    river = None if route is None else River(route, domain, period)
    warned: set[str] = set()
    with progress(
        domain.catchments.items(), desc="initialize", unit=" catchments"
    ) as catchments:
        formulations = {
            name: Formulation(
                realization.module(name),
                name,
                catchment.properties,
                forcing[name],
                warned,
            )
            for name, catchment in catchments
        }
    _refuse(_of_modules(formulations, forcing, period))
    folder = Path(realization.output.root)
    report = Report(
        steps=period.steps,
        catchments=len(domain.catchments),
        nexuses=len(domain.nexuses),
        folder=folder,
        runoff=dict.fromkeys(domain.catchments, 0.0),
    )
    with ExitStack() as stack:
        files = stack.enter_context(
            CatchmentFiles(folder, realization.output.precision)
        )
        nexuses = stack.enter_context(NexusFiles(folder))
        loop = _Loop(realization, domain, formulations, files, nexuses, report)
        if river is not None:
            river_file = stack.enter_context(RiverFile(folder, river, period))
            loop.below = river, river_file
        loop.run()
    for formulation in formulations.values():
        formulation.finalize()
    return report


def _of_modules(
    formulations: Mapping[str, Formulation], forcing: Providers, period: Period
) -> Iterator[Finding]:
    """Yield what is wrong with initialized modules."""
    kinds = set()
    for name, formulation in formulations.items():
        yield from of_one(formulation, period)
        kind = kind_of(formulation, forcing[name])
        if kind not in kinds:
            kinds.add(kind)
            yield from of_the_kind(f"{name}: ", formulation, forcing[name])


class _Loop:
    """The loop over time, and the water between catchments and nexuses.

    Attributes
    ----------
    below : (River, RiverFile) or None
        What runs after all catchments of a step, and what it is written to.
    """

    def __init__(
        self,
        realization: Realization,
        domain: Hydrofabric,
        formulations: dict[str, Formulation],
        catchments: CatchmentFiles,
        nexuses: NexusFiles,
        report: Report,
    ) -> None:
        self._period, self._output = realization.period, realization.output
        self._domain, self._formulations = domain, formulations
        self._catchments, self._nexuses = catchments, nexuses
        self._report = report
        self.below: tuple[River, RiverFile] | None = None

    def run(self) -> None:
        """Run all the steps."""
        for name, formulation in self._formulations.items():
            if self._output.catchments:
                self._catchments.open(name, formulation.columns)
        for name in self._domain.nexuses if self._output.nexuses else ():
            self._nexuses.open(name)
        with progress(range(self._period.steps), desc="run", unit=" hours") as steps:
            for step in steps:
                self._step(step)
        watches = [w for f in self._formulations.values() for w in f.watches]
        watched = [watch for watch in watches if watch.supported]
        self._report.mass_watched = len(watched)
        self._report.mass_residual = float(
            np.max([watch.worst for watch in watched], initial=0.0)
        )
        self._report.mass_breaches = sum(w.breaches for w in watched)
        if self.below is not None:
            self._report.river = self.below[1].report()

    def _step(self, step: int) -> None:
        start = self._period.start
        time = moment(start + step * STEP)
        flow = dict.fromkeys(self._domain.nexuses, 0.0)
        each: dict[str, float] = {}
        for name, formulation in self._formulations.items():
            try:
                depth = formulation.step(start, step)
                formulation.watch(step, time)
                if self._output.catchments:
                    line = formulation.line()
                    self._catchments.write(name, step, time, line)
            except DmxError as error:
                where = f"step {step} ({time}) at {name}"
                raise type(error)(f"{where}: {error}") from error
            catchment = self._domain.catchments[name]
            # In this order of operations, to the last bit.
            each[name] = depth * (catchment.area_km2 * _M2_PER_KM2) / STEP
            flow[catchment.toid] += each[name]
            self._report.runoff[name] += depth
        for nexus, value in flow.items() if self._output.nexuses else ():
            self._nexuses.write(nexus, step, time, value)
        if self.below is not None:
            self._follow(each, flow, f"step {step} ({time}) at the river")

    def _follow(
        self, each: Mapping[str, float], flow: Mapping[str, float], where: str
    ) -> None:
        """Let the river have what the catchments yield."""
        assert self.below is not None
        river, file = self.below
        try:
            river.step(each, flow)
        except DmxError as error:
            raise type(error)(f"{where}: {error}") from error
        file.write()
