"""What initialized modules say, compared with what the framework will ask of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from datetime import datetime
from typing import Any

import numpy as np

from .. import config
from ..bmi import Component
from ..data.table import heading
from ..errors import DmxError, UnitsError, suggestion
from ..units import check as check_units
from ..units import convert
from .adapter import Adapter
from .fields import of_mass
from .findings import Finding, a_warning, an_error
from .forcing import STEP, ForcingProvider, moment, moment_of
from .formulation import MAIN_UNITS, Formulation
from .realization import Period
from .setup import MAIN_OUTPUT

__all__ = ["kind_of", "of_one", "of_the_kind"]

_STORES = ("storage", "storage_density", "leq_depth")
"""How standard names of what is held end, which is not what runs off."""


# What belongs to one catchment.


def of_one(formulation: Formulation, period: Period) -> Iterator[Finding]:
    """Yield what the modules of a catchment have wrong by themselves.

    Parameters
    ----------
    formulation : Formulation
        Initialized.
    period : Period
        When it runs.
    """
    name = formulation.catchment
    for adapter in formulation.adapters:
        path, model = adapter.module.init_config, adapter.model
        where = f"{name}: init_config: {path}"
        if isinstance(model, Component):
            yield from _settled(adapter)
            if model.runner.ids == (name,) and model.start_time == period.start_time:
                yield from _end(where, adapter, period)
                continue
        content = _yaml(path)
        names = _named(content)
        if names and name not in names:
            yield an_error(
                f"{where}: is of {', '.join(names)}",
                "name the catchment in its own file",
            )
        yield from _start(where, adapter, content, period)
        yield from _end(where, adapter, period)


def _settled(adapter: Adapter) -> Iterator[Finding]:
    """Find what the first step of a component would stop at."""
    try:
        adapter.ask("settle", what="update")
    except DmxError as error:
        yield an_error(error, "correct what it names, or model_params")


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


def _start(
    where: str, adapter: Adapter, content: dict[str, Any], period: Period
) -> Iterator[Finding]:
    """Compare the start with that of a component, or of another module's file."""
    setting, model = content.get("start_time"), adapter.model
    if isinstance(model, Component):
        # However it was written, and in whichever file.
        start: datetime | None = model.start_time
        text = str(start if setting is None else setting)
    else:
        start, text = moment_of(setting), str(setting)
    if start is not None and start != period.start_time:
        place = where if setting is not None else f"{where} or bmi_dmx.yaml beside it"
        yield an_error(
            f"{place}: start_time: found {text!r}, the run starts at "
            f"{period.start_time}",
            "make them equal, as seasons and saved states depend on it",
        )


def _end(where: str, adapter: Adapter, period: Period) -> Iterator[Finding]:
    """Compare the last time a module can reach with the end of the last hour."""
    end = adapter.number("get_end_time", float) * adapter.seconds
    duration = period.steps * STEP
    if end >= duration:
        return
    until = moment(period.start + duration)
    problem = (
        f"{where}: end_time: the module ends {end:g} s after its start, the run "
        f"{duration} s: its last hour ends at {until}"
    )
    cure = f"remove end_time from the configuration, or set it to {until}"
    # Others may go on when they are not asked; a component never passes its end.
    may = adapter.module.allow_exceed_end_time
    yield (
        a_warning(problem, cure)
        if may and not isinstance(adapter.model, Component)
        else an_error(problem, cure)
    )


# What catchments have in common.


def kind_of(formulation: Formulation, forcing: ForcingProvider) -> Hashable:
    """Return what decides :func:`of_the_kind`, to look at it once for all alike.

    Parameters
    ----------
    formulation : Formulation
        Initialized.
    forcing : ForcingProvider
        Of its catchment.
    """
    name = formulation.catchment
    forcings = tuple((item, forcing.units(name, item)) for item in forcing.names(name))
    modules = tuple(
        (
            adapter.module.model_type_name,
            type(adapter.model),
            adapter.ask("get_time_step"),
            tuple(
                (item, adapter.module.mapped(item), *_shape(adapter, item))
                for item in adapter.inputs
            ),
            adapter.outputs,
        )
        for adapter in formulation.adapters
    )
    adapter, main = formulation.main_output
    shape = _shape(adapter, main) if main in adapter.outputs else None
    return forcings, modules, main, shape, _written(formulation)


def _written(formulation: Formulation) -> tuple[tuple[str, str, str], ...]:
    """Return heading, variable and units of the columns of the output."""
    return tuple(
        (column.heading, name, _shape(owner, name)[0] if name in owner.outputs else "")
        for column, (owner, name) in zip(
            formulation.columns, formulation.sources, strict=True
        )
    )


def _shape(adapter: Adapter, name: str) -> tuple[str, int]:
    """Return units and number of items of a variable."""
    size = adapter.number("get_var_itemsize", int, name)
    total = adapter.number("get_var_nbytes", int, name)
    return str(adapter.ask("get_var_units", name)), total // size if size else 0


def of_the_kind(
    where: str, formulation: Formulation, forcing: ForcingProvider
) -> Iterator[Finding]:
    """Yield what is wrong with inputs, outputs and steps.

    Parameters
    ----------
    where : str
        What messages begin with.
    formulation : Formulation
        Initialized, of one catchment of its kind.
    forcing : ForcingProvider
        Of its catchment.
    """
    steps = [x for a in formulation.adapters for x in _time_step(where, a)]
    yield from steps
    # At another step a model has other inputs: they are not what is wrong.
    if not steps:
        for k in range(len(formulation.adapters)):
            yield from _inputs(where, k, formulation, forcing)
    yield from _outputs(where, formulation)


def _called(where: str, adapter: Adapter) -> str:
    return f"{where}module {adapter.module.model_type_name!r}"


def _time_step(where: str, adapter: Adapter) -> Iterator[Finding]:
    seconds = adapter.number("get_time_step", float) * adapter.seconds
    # Others may bring a longer step to an hour; a component makes whole steps only.
    if isinstance(adapter.model, Component) and seconds > STEP:
        yield an_error(
            f"{_called(where, adapter)}: time_step: steps of {seconds:g} s cannot be "
            "made hour by hour",
            "set time_step: hourly; mode: daily runs the physics by days",
        )


def _inputs(
    where: str, k: int, formulation: Formulation, forcing: ForcingProvider
) -> Iterator[Finding]:
    adapter, name = formulation.adapters[k], formulation.catchment
    forcings = forcing.names(name)
    for item in adapter.inputs:
        at = f"{_called(where, adapter)}: input {item!r}"
        yield from _one_item(at, adapter, item)
        giver = formulation.giver(k, item)
        if giver is not None:
            units, _ = _shape(*giver)
            cure = f"let the units of {giver[1]!r} be such as the input's"
            yield from _convertible(at, units, adapter, item, cure)
            continue
        alias = adapter.module.mapped(item)
        if alias not in forcings:
            if formulation.partial:
                if alias not in formulation.elsewhere:
                    yield a_warning(
                        f"{at}: a compiled module must give {alias!r}; none is said to",
                        "check with the framework that one does, and in which units",
                    )
                continue
            yield an_error(
                f"{at}: nothing gives {alias!r}{suggestion(alias, forcings)}",
                "map it to a forcing or to the output of another module in "
                "variables_names_map, or configure the module to do without",
            )
            continue
        units = forcing.units(name, alias)
        cure = "correct the attribute units of the forcing, or its heading name[units]"
        cure = of_mass(units, _shape(adapter, item)[0]) or cure
        yield from _convertible(at, units, adapter, item, cure)


def _one_item(at: str, adapter: Adapter, item: str) -> Iterator[Finding]:
    _, count = _shape(adapter, item)
    if count == 0:
        yield an_error(
            f"{at}: has 0 items, expected 1: an empty array would reach the model",
            "make room for its value when the module is initialized",
        )
    elif count != 1:
        yield an_error(
            f"{at}: has {count} items, expected 1: a value would be given to all, and "
            "only the first answer would be read",
            "name one catchment in each configuration",
        )


def _convertible(
    at: str, units: str, adapter: Adapter, item: str, cure: str
) -> Iterator[Finding]:
    target, _ = _shape(adapter, item)
    if units == target:
        return
    try:
        convert(0.0, units, target)
    except UnitsError as error:
        yield an_error(f"{at}: {error}: the raw number would be used", cure)


def _outputs(where: str, formulation: Formulation) -> Iterator[Finding]:
    names = [
        x
        for a in formulation.adapters
        for name in a.outputs
        for x in dict.fromkeys((a.module.mapped(name), name))
    ]
    adapter, main = formulation.main_output
    targets = [("main_output_variable", adapter, main)]
    targets += [("output_variables", *source) for source in formulation.sources]
    for key, owner, name in targets:
        if name not in owner.outputs:
            hint = suggestion(name, names)
            if name in names:
                hint = "; in a chain it goes by the name of variables_names_map"
            if formulation.partial and name not in names:
                if name not in formulation.elsewhere:
                    yield a_warning(
                        f"{where}{key}: no Python module has an output {name!r}{hint}",
                        "check with the framework that a compiled one has",
                    )
                continue
            yield an_error(
                f"{where}{key}: no module has an output {name!r}{hint}",
                "name one of the outputs",
            )
    if main in adapter.outputs:
        yield from _main_output(where, adapter, main)
    for title, name, units in _written(formulation):
        stated = heading(title)[1]
        if units and stated and _scaled(units, stated):
            yield a_warning(
                f"{where}output_header_fields: {title!r}: {name!r} is in {units!r}, "
                "and the framework writes it as it is",
                "correct the heading, or the units of the component",
            )


def _scaled(units: str, stated: str) -> bool:
    """Return whether the same in two units is another number."""
    try:
        return not np.allclose(convert([0.0, 1.0], units, stated), [0.0, 1.0])
    except UnitsError:
        return False  # a depth in a step is called a rate, too


def _main_output(where: str, adapter: Adapter, main: str) -> Iterator[Finding]:
    units, _ = _shape(adapter, main)
    at = f"{where}main_output_variable: {main!r}"
    cure = f"choose an output that is a depth in one step, such as {MAIN_OUTPUT!r}"
    try:
        check_units(units)
        convert(0.0, units, MAIN_UNITS)
    except UnitsError as error:
        problem = "the raw number would be taken for the metres of an hour"
        yield an_error(f"{at}: {error}: {problem}", cure)
        return
    if _is_store(adapter, main):
        problem = "is what is stored: all of it would flow to the nexus in every hour"
        yield a_warning(f"{at} {problem}", cure)


def _is_store(adapter: Adapter, name: str) -> bool:
    if isinstance(adapter.model, Component):
        # Its fluxes are rates: whatever else is a depth is held.
        return name != MAIN_OUTPUT
    return name.endswith(_STORES)
