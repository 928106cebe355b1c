"""Whether the configuration of the channel routing belongs to a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import config
from ..errors import DmxError, suggestion
from .findings import Finding, a_warning, an_error
from .forcing import STEP, moment_of
from .realization import Period, Realization

__all__ = ["check_routing"]

_NETWORK = "network_topology_parameters.supernetwork_parameters"
_RESTART = "compute_parameters.restart_parameters"
_FORCING = "compute_parameters.forcing_parameters"


def check_routing(realization: Realization) -> Iterator[Finding]:
    """Yield what of the routing does not agree with the run.

    Parameters
    ----------
    realization : Realization
        Without routing there is nothing to find.
    """
    if not realization.routing:
        return
    if not realization.output.nexuses:
        yield an_error(
            f"{realization.path}: output: nexus: enable: false: the routing reads the "
            "files of the nexuses, and the framework stops",
            "enable them, or remove routing",
        )
    path = Path(realization.routing)
    try:
        data = config.read(path)
    except DmxError as error:
        yield an_error(
            f"{realization.path}: routing: t_route_config_file_with_path: {error}",
            "make it (dmx ngen prepare --routing), or remove routing",
        )
        return
    plan = _Plan(path, data)
    yield from _network(plan)
    yield from _start(plan, realization.period)
    yield from _steps(plan, realization.period)
    yield from _inflow(plan, realization)


class _Plan:
    """The configuration of the routing, key by key."""

    def __init__(self, path: Path, data: Any) -> None:
        self.path, self._data = path, data

    def get(self, block: str, key: str) -> tuple[str, Any, Finding | None]:
        """Return where a key is, its value, and what is wrong if there is none."""
        node = self._data
        for name in (*block.split("."), key):
            mapping = node if isinstance(node, Mapping) else {}
            if name not in mapping:
                where = f"{self.path}: {block}.{key}"
                hint = "" if not mapping else suggestion(name, mapping)
                missing = an_error(f"{where}: missing{hint}", "add it")
                return where, None, missing
            node = mapping[name]
        return f"{self.path}: {block}.{key}", node, None


def _network(plan: _Plan) -> Iterator[Finding]:
    where, entry, missing = plan.get(_NETWORK, "geo_file_path")
    if missing is not None:
        yield missing
    elif not Path(str(entry)).is_file():
        yield an_error(
            f"{where}: {entry}: no such file",
            "name the hydrofabric of the run; relative paths start from the run folder",
        )


def _start(plan: _Plan, period: Period) -> Iterator[Finding]:
    where, entry, missing = plan.get(_RESTART, "start_datetime")
    if missing is not None:
        yield missing
    elif moment_of(entry) != period.start_time:
        yield an_error(
            f"{where}: found {str(entry)!r}, the run starts at {period.start_time}",
            "make them equal: the files of the nexuses are read from there on",
        )


def _steps(plan: _Plan, period: Period) -> Iterator[Finding]:
    numbers, cure = {}, "dt: 300, qts_subdivisions: 12, and nts: 12 for each hour"
    for key in ("dt", "qts_subdivisions", "nts"):
        where, entry, missing = plan.get(_FORCING, key)
        if missing is not None:
            yield missing
        elif isinstance(entry, bool) or not isinstance(entry, int) or entry < 1:
            yield an_error(f"{where}: found {entry!r}, expected a whole number", cure)
        else:
            numbers[key] = entry
    if len(numbers) < 3:
        return
    step, parts, steps = numbers.values()
    where = f"{plan.path}: {_FORCING}"
    if step * parts != STEP:
        yield an_error(
            f"{where}: dt {step} s times qts_subdivisions {parts} is {step * parts} s, "
            f"expected {STEP}",
            cure,
        )
    total = parts * period.steps
    if steps != total:
        problem = (
            f"{where}.nts: found {steps}, expected {total}: {parts} for each of the "
            f"{period.steps} hours of the run"
        )
        # Of hours that are not run there are no files; fewer leave the last unrouted.
        yield an_error(problem, cure) if steps > total else a_warning(problem, cure)


def _inflow(plan: _Plan, realization: Realization) -> Iterator[Finding]:
    where, entry, missing = plan.get(_FORCING, "qlat_input_folder")
    root = realization.output.root
    if missing is not None:
        yield missing
    elif Path(str(entry)).resolve() != Path(root).resolve():
        yield a_warning(
            f"{where}: found {str(entry)!r}, the nexuses are written to {root!r}",
            "make them equal, or old files will be routed",
        )
