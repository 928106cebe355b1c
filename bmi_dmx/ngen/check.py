"""Look over a run folder before it goes to a cluster: what is wrong, how to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from tqdm import tqdm

from .. import config
from ..errors import ConfigError, DataError, DmxError, UnitsError, suggestion
from ..units import check as check_units
from ..units import convert
from .adapter import Adapter
from .check_settings import check_settings
from .driver import Providers, providers
from .findings import Finding, a_few, a_warning, an_error
from .forcing import ForcingProvider, moment
from .formulation import MAIN_UNITS, Formulation
from .hydrofabric import Hydrofabric
from .rain import contradiction
from .realization import STEP, Module, Period, Realization

__all__ = ["Finding", "check"]

_HOURS = 4096


def check(
    realization: Realization,
    hydrofabric: Hydrofabric,
    *,
    catchments: Sequence[str] | None = None,
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

    Returns
    -------
    list of Finding
        Empty when all is well. Every catchment is initialized; the first one is also
        run for a step, by the calls of the framework.
    """
    domain = hydrofabric if catchments is None else hydrofabric.select(catchments)
    return list(_findings(realization, domain))


def _findings(realization: Realization, domain: Hydrofabric) -> Iterator[Finding]:
    ids = list(domain.catchments)
    found = list(check_settings(realization, domain))
    yield from found
    try:
        with providers(realization, ids) as forcing:
            covered = list(_forcing(realization, forcing))
            yield from covered
            if not any(f.level == "error" for f in (*found, *covered)):
                yield from _initialized(realization, domain, forcing)
    except (ConfigError, DataError) as error:
        yield an_error(error, "correct path, provider or pattern of the forcing")


def _initialized(
    realization: Realization, domain: Hydrofabric, forcing: Providers
) -> Iterator[Finding]:
    """Initialize all catchments, and look at what they say."""
    warned: set[str] = set()
    with tqdm(
        forcing.items(), desc="initialize", unit=" catchments", disable=None
    ) as catchments:
        made = {
            name: _made(realization, domain, name, provider, warned)
            for name, provider in catchments
        }
    formulations = {n: f for n, f in made.items() if isinstance(f, Formulation)}
    refused = [f for f in made.values() if isinstance(f, Finding)]
    yield from a_few(refused, "catchments cannot be initialized")
    if formulations:
        yield from _connected(realization, formulations, forcing)
    for formulation in formulations.values():
        formulation.finalize()


def _forcing(realization: Realization, forcing: Providers) -> Iterator[Finding]:
    period = realization.period
    end = period.start + period.steps * STEP
    found = []
    for name, provider in forcing.items():
        try:
            first, last = provider.span(name)
            provider.names(name)
        except DmxError as error:
            cure = "bring hydrofabric and forcing of the same version together"
            found.append(an_error(error, cure))
            continue
        if not first <= period.start < end <= last:
            found.append(
                an_error(
                    f"{realization.path}: time: {moment(period.start)} to "
                    f"{moment(end)} is not covered by the forcing of {name!r}, which "
                    f"is from {moment(first)} to {moment(last)}",
                    "change start_time and end_time (the beginning of the last hour), "
                    "or get more forcing",
                )
            )
    yield from a_few(found, "catchments without the forcing")


def _made(
    realization: Realization,
    domain: Hydrofabric,
    name: str,
    forcing: ForcingProvider,
    warned: set[str],
) -> Formulation | Finding:
    properties = domain.catchments[name].properties
    try:
        module = realization.module(name)
        return Formulation(module, name, properties, forcing, warned)
    except DmxError as error:
        return an_error(error, "correct the configuration it names")


def _connected(
    realization: Realization,
    formulations: dict[str, Formulation],
    forcing: Providers,
) -> Iterator[Finding]:
    name, formulation = next(iter(formulations.items()))
    found = [*_configured(formulations, realization.period)]
    found += _inputs(name, formulation, forcing)
    found += _outputs(formulation, realization.module(name))
    yield from found
    if any(finding.level == "error" for finding in found):
        return
    yield from _missing_values(realization, formulation, forcing)
    yield from _rain(realization.period, forcing)
    try:
        formulation.step(realization.period.start, 0)
        formulation.line()
        formulation.watch(0, moment(realization.period.start))
    except DmxError as error:
        yield an_error(error, "the first step of the first catchment must run")


def _configured(
    formulations: dict[str, Formulation], period: Period
) -> Iterator[Finding]:
    """Compare catchment and start with those that each configuration names."""
    found = []
    for name, formulation in formulations.items():
        for adapter in formulation.adapters:
            path = adapter.module.init_config
            content = _yaml(path)
            named = _named(content)
            if named and name not in named:
                found.append(
                    an_error(
                        f"{name}: init_config: {path}: is of {', '.join(named)}",
                        "name the catchment in its own file",
                    )
                )
            start = content.get("start_time")
            if _is_other(start, period.start_time):
                found.append(
                    an_error(
                        f"{name}: init_config: {path}: start_time: found {start!r}, "
                        f"the run starts at {period.start_time}",
                        "make them equal, as seasons and saved states depend on it",
                    )
                )
    yield from a_few(found, "catchments with a wrong configuration")


def _yaml(path: str) -> dict[str, Any]:
    """Return the content of a configuration, or nothing where it is not YAML."""
    try:
        content = config.read(path)
    except DmxError:
        return {}
    return content if isinstance(content, dict) else {}


def _named(content: dict[str, Any]) -> tuple[str, ...]:
    """Return the catchments that a configuration names."""
    locations = content.get("locations")
    ids = locations.get("ids") if isinstance(locations, dict) else None
    if isinstance(ids, list):
        return tuple(str(item) for item in ids)
    other = str(content.get("catchment_id", content.get("basin_id")))
    return (other,) if other.startswith("cat-") else ()


def _is_other(text: Any, start: datetime) -> bool:
    """Return whether text is a time, and another one."""
    try:
        return datetime.fromisoformat(str(text)) != start
    except ValueError:
        return False


def _inputs(
    name: str, formulation: Formulation, forcing: Providers
) -> Iterator[Finding]:
    known = forcing[name].names(name)
    for k, adapter in enumerate(formulation.adapters):
        for item in adapter.inputs:
            where = f"module {adapter.module.model_type_name!r}: input {item!r}"
            if formulation.from_module(k, item):
                continue
            alias = adapter.module.mapped(item)
            if alias not in known:
                yield an_error(
                    f"{where}: nothing gives {alias!r}{suggestion(alias, known)}",
                    "map it to a forcing or to the output of another module in "
                    "variables_names_map, or configure the module to do without",
                )
                continue
            units = forcing[name].units(name, alias)
            yield from _convertible(where, units, adapter, item)


def _convertible(
    where: str, units: str, adapter: Adapter, item: str
) -> Iterator[Finding]:
    wanted = adapter.model.get_var_units(item)
    if units == wanted:
        return
    try:
        convert(0.0, units, wanted)
    except UnitsError as error:
        yield an_error(
            f"{where}: {error}: the raw number would be used",
            "correct the attribute units of the forcing, or its heading name[units]",
        )


def _outputs(formulation: Formulation, module: Module) -> Iterator[Finding]:
    outputs = [name for a in formulation.adapters for name in a.outputs]
    main = module.main_output_variable
    wanted = [("main_output_variable", main)]
    wanted += [("output_variables", c.variable) for c in formulation.columns]
    for key, name in wanted:
        if name not in outputs:
            yield an_error(
                f"{key}: no module has an output {name!r}{suggestion(name, outputs)}",
                "name one of the outputs",
            )
    for adapter in formulation.adapters:
        if main not in adapter.outputs:
            continue
        units = adapter.model.get_var_units(main)
        try:
            check_units(units)
            convert(0.0, units, MAIN_UNITS)
        except UnitsError as error:
            yield an_error(
                f"main_output_variable: {main!r}: {error}: the raw number would be "
                "taken for the metres of an hour",
                "choose an output that is a depth in one step, such as "
                "'land_surface_water__runoff_depth'",
            )


def _rain(period: Period, forcing: Providers) -> Iterator[Finding]:
    """Compare what forcing files say twice."""
    for provider in {id(p): p for p in forcing.values()}.values():
        ids = [name for name in forcing if forcing[name] is provider]
        for doubt in contradiction(provider, ids, period.start, period.steps):
            cure = "correct the one that is wrong, or its units: name[units] in CSV"
            yield a_warning(doubt, cure)


def _missing_values(
    realization: Realization, formulation: Formulation, forcing: Providers
) -> Iterator[Finding]:
    """Look for values that are no numbers in what the modules are given."""
    ids, period = list(forcing), realization.period
    used = {
        adapter.module.mapped(item)
        for k, adapter in enumerate(formulation.adapters)
        for item in adapter.inputs
        if not formulation.from_module(k, item)
    }
    groups: dict[int, tuple[ForcingProvider, list[str]]] = {}
    for name in ids:
        groups.setdefault(id(forcing[name]), (forcing[name], []))[1].append(name)
    rows = max(1, _HOURS * 64 // len(ids))
    for provider, names in groups.values():
        for alias in sorted(used & set(provider.names(names[0]))):
            units = provider.units(names[0], alias)
            for first in range(0, period.steps, rows):
                count = min(rows, period.steps - first)
                at = period.start + first * STEP
                bad = ~np.isfinite(provider.block(names, alias, units, at, count))
                if bad.any():
                    row, k = (int(x) for x in np.argwhere(bad)[0])
                    yield a_warning(
                        f"{provider.path}: {alias!r} of {names[k]!r} is missing at "
                        f"{moment(at + row * STEP)}, the first of {int(bad.sum())}",
                        "fill the gaps, or choose a forcing_policy of the component",
                    )
                    break
