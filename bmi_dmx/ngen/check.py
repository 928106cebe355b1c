"""Look over a run folder before it goes to a cluster: what is wrong, how to mend it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, DataError, DmxError
from ..logs import capture
from ..progress import progress
from .check_forcing import Demands, coverage, said_twice
from .check_modules import kind_of, of_one, of_the_kind
from .check_routing import check_routing
from .check_settings import check_settings
from .findings import Finding, a_few, a_warning, an_error, fatal
from .forcing import ForcingProvider, moment
from .formulation import Formulation
from .hydrofabric import Hydrofabric
from .providers import Providers, borrowed, providers
from .realization import PYTHON, Realization
from .river import River

__all__ = ["Finding", "check"]


def check(
    realization: Realization,
    hydrofabric: Hydrofabric,
    *,
    catchments: Sequence[str] | None = None,
    route: Path | None = None,
) -> list[Finding]:
    """Return what is wrong with a run; relative paths start from the current folder.

    Parameters
    ----------
    realization : Realization
        What runs.
    hydrofabric : Hydrofabric
        Where.
    catchments : sequence of str, optional
        Only these.
    route : Path, optional
        Configuration of a river that runs after the catchments.

    Returns
    -------
    list of Finding
        Empty when all is well. Every catchment is initialized, and all of the forcing
        is read; of catchments that are alike the first one is also run for a step, by
        the calls of the framework. What is logged on the way is among the findings.
    """
    domain = hydrofabric if catchments is None else hydrofabric.select(catchments)
    with capture() as texts:
        findings = [
            *_findings(realization, domain),
            *_river(realization, domain, route),
        ]
    cure = "as it says; the run will say it as well"
    return [*findings, *(a_warning(text, cure) for text in dict.fromkeys(texts))]


def _findings(realization: Realization, domain: Hydrofabric) -> Iterator[Finding]:
    ids = list(domain.catchments)
    findings = list(check_settings(realization, domain))
    yield from findings
    yield from check_routing(realization)
    try:
        with providers(realization, ids) as forcing:
            covered = list(borrowed(forcing)) or list(coverage(realization, forcing))
            yield from covered
            if not fatal((*findings, *covered)):
                yield from _Modules(realization, domain, forcing).findings()
    except (ConfigError, DataError) as error:
        yield an_error(error, "correct path, provider or pattern of the forcing")


def _river(
    realization: Realization, domain: Hydrofabric, route: Path | None
) -> Iterator[Finding]:
    """Initialize the river below the catchments, if there is one."""
    if route is not None:
        try:
            River(route, domain, realization.period)
        except DmxError as error:
            yield an_error(error, "correct the configuration of the river, or its tree")


@dataclass
class _CatchmentGroup:
    """Catchments that need to be looked at once."""

    first: Formulation
    count: int = 0


class _Modules:
    """The modules of all catchments, initialized one after the other.

    Of those that are alike only the first is kept, so that memory does not grow with
    the domain.
    """

    def __init__(
        self, realization: Realization, domain: Hydrofabric, forcing: Providers
    ) -> None:
        self._realization, self._domain = realization, domain
        self._forcing = forcing
        self._alike: dict[Hashable, _CatchmentGroup] = {}
        self._demands = Demands()

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong."""
        warned: set[str] = set()
        refused, of_each = [], []
        for name, provider in progress(
            self._forcing.items(), desc="initialize", unit=" catchments"
        ):
            if all(
                part.kind != PYTHON for part in self._realization.module(name).parts
            ):
                continue
            try:
                formulation = self._made(name, provider, warned)
            except DmxError as error:
                cure = "correct the configuration it names"
                refused.append(an_error(error, cure))
                continue
            try:
                of_each += self._seen(formulation, provider)
            except DmxError as error:
                of_each.append(an_error(error, "correct the module"))
        yield from a_few(refused, "catchments cannot be initialized")
        yield from a_few(of_each, "catchments with a wrong configuration")
        of_kinds = [f for alike in self._alike.values() for f in self._of_kind(alike)]
        yield from a_few(of_kinds, "kinds of catchments with wrong modules")
        if not fatal((*of_each, *of_kinds)):
            yield from self._run()
        for alike in self._alike.values():
            alike.first.finalize()

    def _made(
        self, name: str, provider: ForcingProvider, warned: set[str]
    ) -> Formulation:
        module = self._realization.module(name)
        properties = self._domain.catchments[name].properties
        return Formulation(module, name, properties, provider, warned, partly=True)

    def _seen(
        self, formulation: Formulation, provider: ForcingProvider
    ) -> list[Finding]:
        """Take in one catchment, and return what is wrong with it alone."""
        findings = list(of_one(formulation, self._realization.period))
        kind = kind_of(formulation, provider)
        alike = self._alike.setdefault(kind, _CatchmentGroup(formulation))
        alike.count += 1
        self._demands.add(formulation, provider)
        if alike.first is not formulation:
            formulation.finalize()
        return findings

    def _of_kind(self, alike: _CatchmentGroup) -> list[Finding]:
        first = alike.first
        provider = self._forcing[first.catchment]
        try:
            return list(of_the_kind(self._where(alike), first, provider))
        except DmxError as error:
            return [an_error(error, "correct the module")]

    def _where(self, alike: _CatchmentGroup) -> str:
        """Return what messages on some catchments begin with; all need no name."""
        if len(self._alike) == 1:
            return ""
        more = f" and {alike.count - 1} more" if alike.count > 1 else ""
        return f"{alike.first.catchment}{more}: "

    def _run(self) -> Iterator[Finding]:
        """Read all of the forcing, and run the first of each kind for a step."""
        period = self._realization.period
        unmet = list(self._demands.unmet(period))
        yield from unmet
        yield from said_twice(period, self._forcing)
        if fatal(unmet):
            return
        firsts = [alike.first for alike in self._alike.values()]
        failed = [f for one in firsts if not one.partial for f in self._step(one)]
        yield from a_few(failed, "kinds of catchments whose first step fails")

    def _step(self, formulation: Formulation) -> Iterator[Finding]:
        start = self._realization.period.start
        try:
            formulation.step(start, 0)
            formulation.watch(0, moment(start))
            formulation.line()
        except DmxError as error:
            yield an_error(error, "the first step must run")
