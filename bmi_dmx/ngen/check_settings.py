"""What can be wrong with a realization before anything of it is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import DmxError, suggestion
from .findings import Finding, a_few, a_warning, an_error
from .forcing import STEP
from .hydrofabric import Hydrofabric
from .outputs import CatchmentFiles, NexusFiles, unwritable
from .python_module import import_class, is_there, no_file
from .realization import PYTHON, Module, Period, Realization
from .saving import StateSaving

__all__ = ["check_settings", "unlike"]

_SMALLEST_TOLERANCE = 1e-12


def check_settings(realization: Realization, domain: Hydrofabric) -> Iterator[Finding]:
    """Yield what is wrong with the modules, their keys and their configurations.

    Parameters
    ----------
    realization : Realization
        What runs.
    domain : Hydrofabric
        Where.
    """
    yield from _own_formulations(realization, domain)
    yield from _interval(realization.period)
    yield from _output(realization, domain)
    yield from unlike(realization)
    yield from _saving(realization)
    modules = {name: _parts(realization, name) for name in domain.catchments}
    parts = {n: x for n, x in modules.items() if not isinstance(x, Finding)}
    lacking = [x for x in modules.values() if isinstance(x, Finding)]
    yield from a_few(lacking, "catchments without a formulation")
    yield from _modules(parts)
    yield from _init_configs(parts)


def _parts(realization: Realization, catchment: str) -> tuple[Module, ...] | Finding:
    """Return the modules of a catchment, one by one, or why there are none."""
    try:
        module = realization.module(catchment)
    except DmxError as error:
        return an_error(error, "give it one, or a global one to all")
    return module.parts


def _output(realization: Realization, domain: Hydrofabric) -> Iterator[Finding]:
    output = realization.output
    names = [CatchmentFiles.name(n) for n in domain.catchments if output.catchments]
    names += [NexusFiles.name(n) for n in domain.nexuses if output.nexuses]
    problem = unwritable(Path(output.root), names) if names else None
    if problem is not None:
        yield an_error(
            f"{realization.path}: output: root: {problem}",
            "name a folder that can be made and written to; relative paths start from "
            "the run folder",
        )


def unlike(realization: Realization) -> Iterator[Finding]:
    """Yield what the framework does by itself, and ``dmx ngen run`` does not.

    Parameters
    ----------
    realization : Realization
        What runs.
    """
    where = realization.path
    for setting in realization.output.otherwise:
        yield a_warning(
            f"{where}: {setting}: only the framework writes that; dmx ngen run writes "
            "a CSV file for each catchment and nexus",
            "nothing, if that is what is wanted",
        )
    if realization.groups:
        yield a_warning(
            f"{where}: formulation_groups and forcing_groups are not known to all "
            "versions of the framework",
            "use a version that has them, or write the formulations out",
        )
    for saving in _savings(realization):
        action = f"{_DONE[saving.direction]} {saving.path}"
        yield a_warning(
            f"{saving.where}: states are {action} by the framework alone; dmx ngen run "
            "goes without",
            "run it with the framework, or name a state in the catchments' files",
        )


_DONE = {"save": "saved to", "restore": "restored from"}


def _savings(realization: Realization) -> tuple[StateSaving, ...]:
    """Return every setting of saved states once; those of modules go first."""
    modules = [module for module, _ in realization.catchments.values()]
    savings = {
        saving: None
        for module in (realization.formulation, *modules)
        if module is not None
        for part in (module, *module.modules)
        for saving in part.saving
    }
    return (*savings, *realization.saving)


def _saving(realization: Realization) -> Iterator[Finding]:
    for saving in _savings(realization):
        for key in saving.ignored:
            yield a_warning(
                f"{saving.where}: not understood, so ignored: {key}",
                "remove or correct it",
            )
        # The framework puts in what it alone knows: rank, host, date.
        is_literal = saving.direction == "restore" and "{{" not in saving.path
        if is_literal and not Path(saving.path).exists():
            yield an_error(
                f"{saving.where}: path: {saving.path}: no such file or folder",
                "name what an earlier run has saved; relative paths start from the run "
                "folder",
            )


def _modules(parts: Mapping[str, Sequence[Module]]) -> Iterator[Finding]:
    """Yield what is wrong with modules, those of single catchments among them."""
    keys = set()
    for modules in parts.values():
        for module in modules:
            # Catchments that share a formulation differ in the name of the file.
            key = repr(replace(module, init_config=""))
            if key not in keys:
                keys.add(key)
                yield from _module(module)


def _own_formulations(
    realization: Realization, domain: Hydrofabric
) -> Iterator[Finding]:
    for name in realization.catchments:
        if name not in domain.catchments:
            yield a_warning(
                f"{realization.path}: catchments: {name!r} is not in {domain.path}"
                f"{suggestion(name, domain.catchments)}",
                "remove it, or use the hydrofabric it belongs to",
            )


def _interval(period: Period) -> Iterator[Finding]:
    if period.output_interval != STEP:
        yield a_warning(
            f"time: output_interval: {period.output_interval} changes nothing: every "
            "hour is run and written",
            f"set it to {STEP}",
        )


def _module(module: Module) -> Iterator[Finding]:
    name = module.model_type_name
    if module.kind != PYTHON:
        yield from _compiled(module)
        return
    try:
        import_class(module)
    except DmxError as error:
        yield an_error(
            f"module {name!r}: {error}",
            "install the package into the Python of the framework, or set module_path "
            "to the folder that holds it",
        )
    if module.uses_forcing_file or module.forcing_file:
        yield an_error(
            f"module {name!r}: uses_forcing_file or forcing_file is set",
            "remove both: the framework gives a Python module its forcing, or stops",
        )
    if module.ignored:
        near = [k + suggestion(k, Module.__dataclass_fields__) for k in module.ignored]
        yield a_warning(
            f"module {name!r}: params: not understood, so ignored: {near[0]}",
            "remove or correct it",
        )
    if module.output_precision is not None:
        yield a_warning(
            f"module {name!r}: output_precision is not used",
            "set output: precision for all the files",
        )
    titles, variables = module.output_header_fields, module.output_variables
    if titles is not None and variables is not None and len(titles) != len(variables):
        yield a_warning(
            f"module {name!r}: {len(titles)} output_header_fields for {len(variables)} "
            "output_variables: the headings are not used",
            "give one heading for each variable",
        )
    if variables == ():
        yield an_error(
            f"module {name!r}: output_variables is empty: the framework takes that for "
            "one without a name",
            "name one, or write no such files at all: output: catchment: enable: false",
        )
    if variables is not None and len(set(variables)) < len(variables):
        twice = next(n for n in variables if variables.count(n) > 1)
        yield a_warning(
            f"module {name!r}: output_variables: {twice!r} is named twice: there will "
            "be two equal columns",
            "name it once",
        )
    if titles is not None and variables is None:
        yield a_warning(
            f"module {name!r}: output_header_fields without output_variables: "
            "frameworks from before 2026 stop at that",
            "name the output_variables, too",
        )
    yield from _mass_balance(module)


def _compiled(module: Module) -> Iterator[Finding]:
    name = f"module {module.model_type_name!r}"
    yield a_warning(
        f"{name} is of kind {module.kind!r}: it cannot be looked at, and dmx ngen run "
        "refuses it: only Python modules are run here",
        "run it with the framework itself",
    )
    library = module.library_file
    if library and not Path(library).is_file():
        yield a_warning(
            f"{name}: library_file: {library}: no such file on this machine",
            "correct it, unless it is there where the framework runs",
        )


def _mass_balance(module: Module) -> Iterator[Finding]:
    settings = module.mass_balance
    if settings is None or not settings.check:
        return
    name = f"module {module.model_type_name!r}: mass_balance"
    if settings.tolerance < _SMALLEST_TOLERANCE:
        yield a_warning(
            f"{name}: tolerance {settings.tolerance:g} is below the rounding of any "
            "long run",
            "set it to 1e-6 (of mm) or so",
        )
    if settings.frequency < 1:
        yield a_warning(
            f"{name}: frequency {settings.frequency} never fires", "set it to 1"
        )


_NO_FILE = (
    "make it, or correct init_config; {{id}} stands for the catchment and relative "
    "paths start from the run folder"
)


def _init_configs(parts: Mapping[str, Sequence[Module]]) -> Iterator[Finding]:
    missing = []
    paths: dict[str, list[str]] = {}
    for name, modules in parts.items():
        for module in modules:
            path = module.init_config
            paths.setdefault(module.model_type_name, []).append(path)
            if not is_there(path):
                missing.append(an_error(f"{name}: {no_file(path)}", _NO_FILE))
    yield from a_few(missing, "catchments have no init_config")
    for model, files in paths.items():
        # What is no file, such as /dev/null, says nothing of any catchment.
        if len(files) > 1 and len(set(files)) == 1 and Path(files[0]).is_file():
            yield a_warning(
                f"module {model!r}: init_config: {files[0]}: the same file for all "
                f"{len(files)} catchments",
                "put {{id}} into the name",
            )
