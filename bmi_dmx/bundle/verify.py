"""Does what lies in a bundle fit together? Checks that need no PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import BundleError, ConfigError, suggestion
from ..models.spec import hydrograph_length
from ..program import Program, entry_names, evaluate
from ..variables import Parameter
from .manifest import MANIFEST, PROGRAMS, WEIGHTS, Manifest, Part

__all__ = ["verify_programs", "verify_weights"]

Array = np.ndarray[Any, np.dtype[Any]]
Interface = tuple[list[str], list[str]]
_TYPES = ("float32", "float64")
_ROUNDING = 1e-6  # relative, in single precision


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
    spec = manifest.model
    parts = {"static.normalize": spec.static.attributes}
    if spec.dynamic is not None:
        parts["dynamic.normalize_forcing"] = spec.dynamic.forcings
        parts["dynamic.normalize_attributes"] = spec.dynamic.attributes
    statistics = f"{path / MANIFEST}: statistics"
    _same_names(statistics, manifest.statistics, spec.network_inputs)
    for part, names in parts.items():
        for moment in ("mean", "std"):
            key = f"{part}.{moment}"
            array = weights.get(key)
            if array is None or array.shape != (len(names),):
                found = "nothing" if array is None else f"shape {array.shape}"
                raise BundleError(
                    f"{path / WEIGHTS}: array {key!r}: found {found}, expected one "
                    f"value for each of {', '.join(names)}"
                )
            for name, value in zip(names, array, strict=True):
                written = getattr(manifest.statistics[name], moment)
                if not np.isclose(value, written, rtol=_ROUNDING, atol=0.0):
                    raise BundleError(
                        f"{statistics}: {name}: {moment} is {written}, array {key!r} "
                        f"holds {value}"
                    )


def verify_programs(
    path: Path,
    manifest: Manifest,
    weights: Mapping[str, Array],
    programs: Mapping[str, Program],
) -> None:
    """Compare the programs' names with the model's, and try every one of them.

    Networks answer with parameters inside their bounds to inputs that are typical.

    Raises
    ------
    BundleError
        Naming the program and the input or output that does not fit.
    """
    where = path / PROGRAMS
    expected = _interfaces(path, manifest, weights)
    _same_names(f"{where}: program", programs, expected)
    for name, (inputs, outputs) in expected.items():
        _same_names(f"{where}: {name}: input", programs[name].inputs, inputs)
        _same_names(f"{where}: {name}: output", programs[name].outputs, outputs)
    for name, program in programs.items():
        if name not in ("static", "dynamic"):
            program.refuse_shaped(f"{where}: {name}")
        example = _typical_inputs(name, program, manifest, weights)
        try:
            results = evaluate(program, example)
        except Exception as error:
            # Whatever arithmetic on arrays that do not fit may raise.
            raise BundleError(f"{where}: {name}: cannot be run: {error}") from None
        if name in ("static", "dynamic"):
            _check_parameters(f"{where}: {name}", results, manifest)


def _interfaces(
    path: Path, manifest: Manifest, weights: Mapping[str, Array]
) -> dict[str, Interface]:
    """Return the inputs and outputs of every program the model needs."""
    spec, variables = manifest.model, manifest.variables
    try:
        static, dynamic = spec.split(variables.process.parameters)
    except ConfigError as error:
        raise BundleError(f"{path / MANIFEST}: model: {error}") from None
    found: dict[str, Interface] = {"process": _step(variables.process)}
    if spec.evaporation != "given":
        found["evaporation"] = _step(_part(path, "evaporation", variables.evaporation))
    outputs = [f"p.{name}" for name in static]
    if spec.routing == "gamma":
        routing = _part(path, "routing", variables.routing)
        outputs += [f"p.{p.name}" for p in routing.parameters]
        for step, dt in spec.time_steps.items():
            outputs.append(f"routing.weight@{step}")
            found[f"routing@{step}"] = _step(_at_length(routing, hydrograph_length(dt)))
    found["static"] = ["attributes", *_named("static.", weights)], outputs
    if spec.dynamic is not None:
        network = _part(path, "network", variables.network)
        memory = [f"network.{state.name}" for state in network.states]
        found["dynamic"] = (
            ["forcing", "attributes", *memory, *_named("dynamic.", weights)],
            [*(f"p.{name}" for name in dynamic), *memory],
        )
    return found


def _part(path: Path, key: str, part: Part | None) -> Part:
    if part is None:
        raise BundleError(
            f"{path / MANIFEST}: variables: {key}: missing; the model has this part"
        )
    return part


def _named(prefix: str, weights: Iterable[str]) -> list[str]:
    return [f"w.{name}" for name in weights if name.startswith(prefix)]


def _step(part: Part) -> Interface:
    """Return the inputs and outputs of the program of one time step."""
    stores = [name for state in part.states for name in entry_names("s", state)]
    inputs = [*stores, *(f"f.{forcing.name}" for forcing in part.forcings)]
    inputs += [name for p in part.parameters for name in entry_names("p", p)]
    return inputs, [*stores, *(f"q.{flux.name}" for flux in part.fluxes)]


def _at_length(routing: Part, length: int) -> Part:
    """Return the unit hydrograph as its program sees it, at so many steps."""
    return replace(
        routing,
        states=tuple(replace(state, size=length - 1) for state in routing.states),
        parameters=(Parameter(name="weight", size=length),),
    )


def _typical_inputs(
    name: str, program: Program, manifest: Manifest, weights: Mapping[str, Array]
) -> dict[str, Array]:
    """Return inputs of one location: what networks were trained around, else ones."""
    spec = manifest.model
    inputs: dict[str, Array] = dict.fromkeys(program.inputs, np.ones((1, 1)))
    inputs.update({f"w.{n}": x for n, x in weights.items()})
    read = {"attributes": spec.static.attributes}
    if name == "dynamic" and spec.dynamic is not None:
        read = {"attributes": spec.dynamic.attributes, "forcing": spec.dynamic.forcings}
    for key, names in read.items():
        inputs[key] = np.array([[manifest.statistics[n].typical for n in names]])
    network = manifest.variables.network
    for state in network.states if network is not None else ():
        inputs[f"network.{state.name}"] = np.zeros((1, state.size))
    return inputs


def _check_parameters(
    where: str, results: Mapping[str, Array], manifest: Manifest
) -> None:
    variables = manifest.variables
    for parameter in variables.process.parameters:
        _check_result(where, results, parameter, (1, manifest.model.members))
    for parameter in variables.routing.parameters if variables.routing else ():
        _check_result(where, results, parameter, (1,))


def _check_result(
    where: str,
    results: Mapping[str, Array],
    parameter: Parameter,
    shape: tuple[int, ...],
) -> None:
    value = results.get(f"p.{parameter.name}")
    if value is None or parameter.bounds is None:
        return
    what = f"{where}: output 'p.{parameter.name}'"
    if value.shape != shape:
        raise BundleError(
            f"{what} has shape {value.shape} for one location, expected {shape}"
        )
    low, high = parameter.bounds
    slack = _ROUNDING * (high - low)
    if not bool(np.all((value >= low - slack) & (value <= high + slack))):
        raise BundleError(
            f"{what} is {value.min()} to {value.max()} for one location, outside its "
            f"bounds {low} to {high}"
        )


def _same_names(what: str, found: Iterable[str], expected: Iterable[str]) -> None:
    found, expected = set(found), set(expected)
    for name in sorted(expected - found):
        raise BundleError(f"{what} {name!r} is missing")
    for name in sorted(found - expected):
        raise BundleError(f"unexpected {what} {name!r}{suggestion(name, expected)}")
