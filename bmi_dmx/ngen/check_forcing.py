"""Forcing of a run: whether it covers it, and what in it would stop the run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..bmi import Component
from ..errors import DmxError, UnitsError
from ..operate.screen import AcceptedRange
from .assumed_units import assumed_units
from .findings import Finding, a_few, a_warning, an_error
from .forcing import STEP, ForcingProvider, moment
from .formulation import Formulation
from .providers import Providers
from .rain import contradiction
from .realization import Period, Realization

__all__ = ["Demands", "coverage", "said_twice"]

_BLOCK = 2**22
"""Numbers of one variable in memory."""

_ANY = AcceptedRange(-sys.float_info.max, sys.float_info.max, None)


def coverage(realization: Realization, forcing: Providers) -> Iterator[Finding]:
    """Yield which catchments have no forcing, or none of the whole run."""
    period = realization.period
    end = period.start + period.steps * STEP
    findings = []
    for name, provider in forcing.items():
        try:
            first, last = provider.span(name)
            provider.names(name)
        except DmxError as error:
            cure = "bring hydrofabric and forcing of the same version together"
            findings.append(an_error(error, cure))
            continue
        if not first <= period.start < end <= last:
            findings.append(
                an_error(
                    f"{realization.path}: time: {moment(period.start)} to "
                    f"{moment(end)} is not covered by the forcing of {name!r}, which "
                    f"is from {moment(first)} to {moment(last)}",
                    "change start_time and end_time (the beginning of the last hour), "
                    "or get more forcing",
                )
            )
            continue
        try:
            provider.row(first, period.start)
        except DmxError as error:
            cure = "let the run begin with an hour of the forcing"
            findings.append(an_error(error, cure))
    yield from a_few(findings, "catchments without the forcing")


def said_twice(period: Period, forcing: Providers) -> Iterator[Finding]:
    """Yield where forcing files contradict themselves, or leave units to be known."""
    groups: dict[ForcingProvider, list[str]] = {}
    for name, provider in forcing.items():
        groups.setdefault(provider, []).append(name)
    cure = "correct the one that is wrong, or its units: name[units] in CSV"
    findings = [
        a_warning(doubt, cure)
        for provider, ids in groups.items()
        for doubt in contradiction(provider, ids, period.start, period.steps)
    ]
    yield from a_few(findings, "forcing files that contradict themselves")
    yield from a_few(_assumed(period, groups), "forcing files without units")


def _assumed(
    period: Period, groups: Mapping[ForcingProvider, Sequence[str]]
) -> list[Finding]:
    """Return which units the framework assumes, and where they cannot be those."""
    cure = "write the units into the file"
    findings = []
    for provider, ids in groups.items():
        try:
            remarks = list(assumed_units(provider, ids, period.start, period.steps))
        except UnitsError as error:  # noqa: PERF203 - of every file
            findings.append(an_error(error, cure))
        else:
            findings += [a_warning(remark, cure) for remark in remarks]
    return findings


class _Demand(NamedTuple):
    """A variable as some modules want it."""

    provider: ForcingProvider
    alias: str
    units: str
    accepted: AcceptedRange
    """Without a rule for modules that do not say what they do with other values."""


class Demands:
    """What modules want of the forcing, collected catchment by catchment."""

    def __init__(self) -> None:
        self._ids: dict[_Demand, list[str]] = {}

    def add(self, formulation: Formulation, provider: ForcingProvider) -> None:
        """Take in the modules of one catchment."""
        for k, adapter in enumerate(formulation.adapters):
            model = adapter.model
            limits = model.accepted() if isinstance(model, Component) else {}
            for item in adapter.inputs:
                if not formulation.from_forcing(k, item):
                    continue
                alias, units = adapter.module.mapped(item), adapter.input_units(item)
                demand = _Demand(provider, alias, units, limits.get(item, _ANY))
                self._ids.setdefault(demand, []).append(formulation.catchment)

    def unmet(self, period: Period) -> Iterator[Finding]:
        """Yield where values are missing or absurd; reads all of the forcing."""
        findings = [
            finding
            for demand, ids in self._ids.items()
            for finding in _unmet(demand, ids, period)
        ]
        yield from a_few(findings, "series with values that are missing or absurd")


def _unmet(demand: _Demand, ids: Sequence[str], period: Period) -> Iterator[Finding]:
    provider, alias, units, (low, high, rule, slack) = demand
    rows = max(1, _BLOCK // len(ids))
    for first in range(0, period.steps, rows):
        count = min(rows, period.steps - first)
        at = period.start + first * STEP
        values = provider.block(ids, alias, units, at, count)
        # A comparison with NaN is false.
        bad = ~((values >= low - slack) & (values <= high))
        if bad.any():
            row, k = (int(x) for x in np.argwhere(bad)[0])
            time = moment(at + row * STEP)
            value = float(values[row, k])
            what = f"is missing at {time}"
            if not np.isnan(value):
                what = f"is {value:g} {units} at {time}, expected {low:g} to {high:g}"
            yield _told(
                f"{provider.path}: {alias!r} of {ids[k]!r} {what}, the first of "
                f"{int(bad.sum())}",
                rule,
                first + row == 0,
            )
            return


def _told(problem: str, rule: str | float | None, at_once: bool) -> Finding:
    """Return the finding for values that a module does not accept."""
    cure = "correct units or values, or choose a forcing_policy of the component"
    if rule is None:
        return a_warning(problem, cure)
    if rule == "raise":
        return an_error(f"{problem}: the run would stop", cure)
    if rule == "hold" and at_once:
        return an_error(f"{problem}: there is nothing to hold yet", cure)
    substitute = "the last good value" if rule == "hold" else f"{rule:g}"
    return a_warning(f"{problem}: {substitute} will be used", cure)
