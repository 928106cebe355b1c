"""Does what lies in a bundle fit together? Checks that need no PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..compose.part import Declarations, Part, step_key
from ..compose.plan import Plan, plan
from ..compose.precursors import steps_before, transfer_name
from ..errors import (
    BundleError,
    ConfigError,
    DataError,
    VariableError,
    suggestion,
)
from ..program import Program, entry_names
from ..program.trial import tried
from ..space import Space, field_shape, space_from
from ..variables import Parameter
from .manifest import MANIFEST, PROGRAMS, WEIGHTS, Manifest
from .trial import ABSURD, ROUNDING, try_step

__all__ = ["verify_programs", "verify_weights"]

Array = np.ndarray[Any, np.dtype[Any]]
_TYPES = ("float32", "float64")


def verify_weights(
    path: Path, manifest: Manifest, weights: Mapping[str, Array]
) -> None:
    """Compare the weights with the table of the manifest, and with its model.

    Raises
    ------
    BundleError
        Naming the file, the array, what was found and what was expected.
    """
    where = path / WEIGHTS
    _same_names(f"{where}: array", weights, manifest.weights)
    for name, record in manifest.weights.items():
        array = weights[name]
        if array.shape != record.shape or str(array.dtype) != record.dtype:
            raise BundleError(
                f"{where}: array {name!r} is {array.dtype}{array.shape}, expected "
                f"{record.dtype}{record.shape}"
            )
        if str(array.dtype) not in _TYPES:
            raise BundleError(
                f"{where}: array {name!r} is of {array.dtype}, expected "
                f"{' or '.join(_TYPES)}"
            )
        bad = int(array.size - np.count_nonzero(np.isfinite(array)))
        if bad:
            raise BundleError(
                f"{where}: array {name!r} has {bad} of {array.size} values not finite"
            )
    _verify_statistics(path, manifest, weights)


def _verify_statistics(
    path: Path, manifest: Manifest, weights: Mapping[str, Array]
) -> None:
    """Compare the readable statistics with those the networks work with."""
    parts: dict[str, tuple[str, ...]] = {}
    for part in manifest.parts:
        inputs, attributes = (
            tuple(_moments_of(manifest, part, name) for name in names)
            for names in (part.inputs, part.attributes)
        )
        if part.kind == "network" and part.every == "once":
            parts[f"{part.name}.normalize"] = attributes
        elif part.kind == "network":
            parts[f"{part.name}.normalize_forcing"] = inputs
            parts[f"{part.name}.normalize_attributes"] = attributes
    statistics = f"{path / MANIFEST}: statistics"
    entries = {name for names in parts.values() for name in names}
    _same_names(statistics, manifest.statistics, entries | _answered(manifest))
    for part_name, names in parts.items():
        for moment in ("mean", "std"):
            key = f"{part_name}.{moment}"
            array = weights.get(key)
            if array is None or array.shape != (len(names),):
                text = "nothing" if array is None else f"shape {array.shape}"
                raise BundleError(
                    f"{path / WEIGHTS}: array {key!r}: found {text}, expected one "
                    f"value for each of {', '.join(names)}"
                )
            for name, value in zip(names, array, strict=True):
                record = getattr(manifest.statistics[name], moment)
                if not np.isclose(value, record, rtol=ROUNDING, atol=0.0):
                    raise BundleError(
                        f"{statistics}: {name}: {moment} is {record}, array {key!r} "
                        f"holds {value}"
                    )


def _moments_of(manifest: Manifest, network: Part, name: str) -> str:
    """Return under which name the moments of an input of a network stand."""
    key = f"{network.name}.{name}"
    return key if key in manifest.statistics else name


def _answered(manifest: Manifest) -> set[str]:
    """Return the observed quantities that networks answer by the moments of."""
    return {
        _moments_of(manifest, network, p.target)
        for network in manifest.parts
        for part in manifest.parts
        for p in part.variables.parameters
        for name in (part.source(p.name),)
        if p.target and {name, f"{part.name}.{name}"} & set(network.gives)
    }


def verify_programs(
    path: Path,
    manifest: Manifest,
    weights: Mapping[str, Array],
    programs: Mapping[str, Program],
) -> None:
    """Compare the programs' names with the model's, and try every one of them.

    Networks answer with parameters inside their bounds to inputs that are typical;
    processes are tried as by :func:`~.trial.try_step`.

    Raises
    ------
    BundleError
        Naming the program and the input or output that does not fit.
    """
    where = path / PROGRAMS
    try:
        whole = longer = plan(manifest.parts, manifest.seconds)
        for step in steps_before(manifest.parts):
            longer = plan(manifest.parts, step)
        space = space_from(manifest.space) if manifest.space else None
    except ConfigError as error:
        raise BundleError(f"{path / MANIFEST}: {error}") from None
    expected: dict[str, _ExpectedProgram] = {}
    for part in manifest.parts:
        for interface in _interfaces(part, manifest, weights):
            if interface.name in expected:
                raise BundleError(
                    f"{where}: two programs are called {interface.name!r}"
                )
            expected[interface.name] = interface
    _same_names(f"{where}: program", programs, expected)
    for name, interface in expected.items():
        place = f"{where}: {name}"
        _same_names(f"{place}: input", programs[name].inputs, interface.inputs)
        _same_names(f"{place}: output", programs[name].outputs, interface.outputs)
    content = _Content(manifest, weights, programs, whole, longer, space)
    for name, interface in expected.items():
        if interface.passes:
            _try_transfer(f"{where}: {name}", interface.part, content)
        elif interface.part.kind == "network":
            _try_network(f"{where}: {name}", interface.part, content)
        elif interface.tried:
            _try_process(f"{where}: {name}", interface, content)
    for name in manifest.answers:
        if name not in whole.outputs:
            hint = suggestion(name, whole.outputs)
            raise BundleError(f"{path / MANIFEST}: answers: unknown {name!r}{hint}")


@dataclass(frozen=True)
class _Content:
    """What lies in a bundle, with the names of its parts resolved.

    ``longer`` is the plan of longer steps before those it was trained at.
    """

    manifest: Manifest
    weights: Mapping[str, Array]
    programs: Mapping[str, Program]
    plan: Plan
    longer: Plan
    space: Space | None


@dataclass(frozen=True)
class _ExpectedProgram:
    """A program that has to be there, with the names it has to know.

    Parameters
    ----------
    name : str
        Its own.
    part : Part
        Whose it is.
    seconds : float
        Length of the step it is for.
    inputs, outputs : tuple of str
        Names.
    prepares : str
        Name of the program that it needs before, if there is one.
    tried : bool
        Whether it is tried by itself.
    passes : bool
        Whether it leads from the memory of one network to that of another.
    """

    name: str
    part: Part
    seconds: float
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    prepares: str = ""
    tried: bool = True
    passes: bool = False


def _interfaces(
    part: Part, manifest: Manifest, weights: Mapping[str, Array]
) -> Iterator[_ExpectedProgram]:
    """Yield the programs of a part."""
    if part.kind == "network":
        leads = f"{transfer_name(part)}."
        mine = [n for n in weights if n.startswith(f"{part.name}.")]
        passing = [f"w.{n}" for n in mine if part.before and n.startswith(leads)]
        weight_inputs = [name for n in mine if (name := f"w.{n}") not in passing]
        gives = [f"p.{name.rpartition('.')[2]}" for name in part.gives]
        memory = [f"s.{state.name}" for state in part.variables.states]
        forcing = [] if part.every == "once" else ["forcing"]
        inputs = (*forcing, "attributes", *memory, *weight_inputs)
        yield _ExpectedProgram(
            part.name, part, manifest.seconds, inputs, (*gives, *memory)
        )  # fmt: skip
        if part.before:
            yield _ExpectedProgram(
                transfer_name(part), part, manifest.seconds, (*memory, *passing),
                tuple(memory), passes=True,
            )  # fmt: skip
        return
    for seconds in manifest.steps if part.timed else (manifest.seconds,):
        suffix = f"@{step_key(seconds)}" if part.timed else ""
        now = part.declared(seconds)
        prepares = f"{part.name}.prepare{suffix}" if now.prepared else ""
        inputs, outputs = _step(now)
        inputs = (*inputs, *(f"w.{name}" for name in part.weights))
        yield _ExpectedProgram(
            part.name + suffix, part, seconds, inputs, outputs, prepares
        )
        if prepares:
            yield _ExpectedProgram(
                prepares,
                part,
                seconds,
                tuple(f"p.{p.name}" for p in now.parameters),
                tuple(f"p.{p.name}" for p in now.prepared),
                tried=False,
            )


def _step(declared: Declarations) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the inputs and outputs of the program of one time step."""
    stores = [name for state in declared.states for name in entry_names("s", state)]
    inputs = [*stores, *(f"f.{forcing.name}" for forcing in declared.forcings)]
    inputs += [n for p in declared.step_parameters for n in entry_names("p", p)]
    return tuple(inputs), (*stores, *(f"q.{flux.name}" for flux in declared.fluxes))


def _try_process(where: str, expected: _ExpectedProgram, content: _Content) -> None:
    part, program = expected.part, content.programs[expected.name]
    if part.coupling != "stencil":
        program.refuse_shaped(where)
    elif content.space is None:
        raise BundleError(f"{where}: steps fields, but there is no space")
    prepares = content.programs[expected.prepares] if expected.prepares else None
    weights = {f"w.{n}": x for n, x in content.weights.items() if n in part.weights}
    try_step(where, part, expected.seconds, (program, prepares), weights, content.space)


def _try_network(where: str, part: Part, content: _Content) -> None:
    """Try a network at one place, at what it was trained around."""
    inputs: dict[str, Array] = {f"w.{n}": x for n, x in content.weights.items()}
    for key, names in (("attributes", part.attributes), ("forcing", part.inputs)):
        moments = (
            content.manifest.statistics[_moments_of(content.manifest, part, name)]
            for name in names
        )
        inputs[key] = np.array([[each.typical for each in moments]])
    for state in part.variables.states:
        inputs[f"s.{state.name}"] = np.zeros((1, state.size))
    results = tried(content.programs[part.name], inputs, where)
    _check_memory(where, results, part)
    _check_parameters(where, results, part, content)


def _try_transfer(where: str, part: Part, content: _Content) -> None:
    """Try what leads from the memory of a network to that of the one after it."""
    inputs: dict[str, Array] = {f"w.{n}": x for n, x in content.weights.items()}
    for state in part.variables.states:
        inputs[f"s.{state.name}"] = np.zeros((1, state.size))
    results = tried(content.programs[transfer_name(part)], inputs, where)
    after = next(p for p in content.manifest.parts if p.name == part.before)
    _check_memory(where, results, after)


def _check_memory(where: str, results: Mapping[str, Array], part: Part) -> None:
    """Refuse a memory of another width than that of a network, or no numbers."""
    for state in part.variables.states:
        memory = results[f"s.{state.name}"]
        if memory.shape != (1, state.size) or not np.abs(memory).max() < ABSURD:
            raise BundleError(
                f"{where}: output 's.{state.name}': expected {state.size} finite "
                "numbers for one place"
            )


def _check_parameters(
    where: str, results: Mapping[str, Array], network: Part, content: _Content
) -> None:
    """Refuse parameters that cannot be; a network of maps answers for all places."""
    space = content.space
    at = content.longer if network.before else content.plan
    for part, parameter in at.given():
        link = at.link(part, parameter.name)
        if link.part == network.name:
            per_member = part.members and parameter.per == "member"
            shape = (1, part.members) if per_member and part.members else (1,)
            value = results.get(f"p.{link.name}")
            maps = part.coupling == "stencil" and not network.attributes
            if maps and space is not None and value is not None and value.ndim == 1:
                _refuse_misfit(f"{where}: output", space, parameter, value)
                shape = value.shape
            if value is not None and parameter.bounds is not None:
                _check_result(
                    f"{where}: output 'p.{link.name}'", value, parameter, shape
                )


def _refuse_misfit(what: str, space: Space, parameter: Parameter, value: Array) -> None:
    """Refuse numbers that are no field of a parameter."""
    try:
        field_shape(space, parameter, value.size)
    except (DataError, VariableError) as error:
        raise BundleError(f"{what} {error}") from None


def _check_result(
    what: str, value: Array, parameter: Parameter, shape: tuple[int, ...]
) -> None:
    if value.shape != shape:
        raise BundleError(
            f"{what} has shape {value.shape} for one place, expected {shape}"
        )
    low, high = parameter.bounds or (-np.inf, np.inf)
    slack = ROUNDING * (high - low)
    if not bool(np.all((value >= low - slack) & (value <= high + slack))):
        raise BundleError(
            f"{what} is {value.min()} to {value.max()} for one place, outside its "
            f"bounds {low} to {high}"
        )


def _same_names(what: str, names: Iterable[str], expected: Iterable[str]) -> None:
    names, expected = set(names), set(expected)
    for name in sorted(expected - names):
        raise BundleError(f"{what} {name!r} is missing")
    for name in sorted(names - expected):
        raise BundleError(f"unexpected {what} {name!r}{suggestion(name, expected)}")
