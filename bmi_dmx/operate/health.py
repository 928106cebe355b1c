"""Whether bundles can be operated here: whole, compiled, and with sane answers."""

from __future__ import annotations

import warnings
from pathlib import Path

import netCDF4
import numpy as np

from ..bundle import Bundle
from ..errors import DataError, ScanError, StateError, UnitsError
from ..kernels import build, roots
from ..units import convert
from .bundle_cache import bundle_named
from .clock import DAY
from .kernels import needed, operations, typical_runner
from .operation import Operation
from .runner import Runner
from .stages import Balance
from .storage import balance_names

__all__ = ["check_health"]

_CONVERSIONS = (
    (1.5, "h", 5400.0, "s"),
    (0.0, "degC", 273.15, "K"),
    (2.0, "kg m-2 s-1", 2.0, "kg m^-2 s^-1"),
)

_ROUNDING = 1e-9
"""Share of what was brought or taken that may be missing after a day."""


def check_health(name: str) -> str:
    """Convert units, read a file, and run a day of a bundle in each way it can be run.

    The place has typical attributes, and every forcing is 5 or the nearest it may be.
    Kernels that are not there yet are compiled.

    Parameters
    ----------
    name : str
        A bundle that comes with the package, or its path.

    Returns
    -------
    str
        A line about what was found well. It begins with the name that was asked for,
        since bundles of several versions may give themselves the same one.

    Raises
    ------
    BundleError
        When the bundle is not whole.
    ScanError
        When a kernel cannot be had, so that steps would be slow.
    DataError
        When a file does not hold what was written to it.
    StateError
        When something was lost that is conserved, or an answer is not a number.
    UnitsError
        When units are not converted as they should be.
    """
    _convert_units()
    _use_files()
    bundle = bundle_named(name, Path())
    kernels = _compiled(name, bundle)
    ways = list(operations(bundle))
    for operation in ways:
        _run_a_day(name, operation)
    count = len(ways)
    runs = f"{count} way{'s' if count > 1 else ''}"
    return f"{name}: whole, {kernels} kernels, runs in {runs}"


def _convert_units() -> None:
    """Use the library of units, which fails when it is used if a part is missing."""
    for value, units, expected, others in _CONVERSIONS:
        number = float(convert(value, units, others))
        if not np.isclose(number, expected, rtol=1e-12):
            raise UnitsError(
                f"{value:g} {units} were converted into {number:g} {others}, expected "
                f"{expected:g}"
            )


def _use_files() -> None:
    """Write numbers and names to a NetCDF file in memory, and read them."""
    with netCDF4.Dataset("health.nc", "w", diskless=True) as file:
        file.createDimension("place", 2)
        content = {"ids": np.array(["a", "b"], object), "number": np.array([0.5, -1.0])}
        for name, values in content.items():
            kind = str if values.dtype == object else "f8"
            file.createVariable(name, kind, ("place",))[:] = values
            if not np.array_equal(file[name][:], values):
                raise DataError(
                    f"variable {name!r} of a NetCDF file: found {file[name][:]}, "
                    f"expected {values}"
                )


def _compiled(name: str, bundle: Bundle) -> int:
    """Return the number of kernels, those of analyses too, all of which are there."""
    sources = [*needed(bundle), *roots.sources()]
    build.compile_missing(sources, name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kernels = [build.load(source) for source in sources]
    missing = kernels.count(None)
    if missing:
        # Said once in a process, so perhaps before.
        reason = "".join(f": {warning.message}" for warning in caught[:1])
        raise ScanError(
            f"{name}: {missing} of {len(kernels)} kernels are missing{reason}"
        )
    return len(kernels)


def _run_a_day(name: str, operation: Operation) -> None:
    runner = typical_runner(operation, 1)
    for forcing in operation.forcings:
        low, high = forcing.bounds or (-np.inf, np.inf)
        runner.forcing[forcing.name][:] = np.clip(5.0, low, high)
    turned = dict.fromkeys((b.budget for b in runner.stages.balances), 0.0)
    for _ in range(max(1, round(DAY / operation.seconds))):
        runner.advance()
        runner.clock.tick()
        for balance in runner.stages.balances:
            turned[balance.budget] += _turned_over(runner, balance)
    where = f"{name}: {' '.join(operation.key[2:])}"
    answers = [float(x[0]) for x in runner.output.values()]
    if not np.isfinite(answers).all():
        raise StateError(f"{where}: an output is not a number")
    storage = runner.storage
    storage.close_balance()
    for balance in runner.stages.balances:
        names = balance_names(runner.stages, balance)
        entered, left, change = (
            float(storage.balance[names[term]][0]) for term in ("in", "out", "stored")
        )
        gap = entered - left - change
        if abs(gap) > _ROUNDING * max(abs(entered), abs(left), turned[balance.budget]):
            raise StateError(
                f"{where}: {gap:g} {balance.units} of {balance.budget} lost"
            )


def _turned_over(runner: Runner, balance: Balance) -> float:
    """Return what fluxes of fields brought and took in the last step, cell by cell.

    Where all of it goes from cell to cell nothing enters or leaves the field, but it is
    rounded all the same.
    """
    plan = runner.operation.plan
    return sum(
        float(np.abs(runner.output[name]).sum())
        for part, name in (*balance.inputs, *balance.outputs)
        if plan[part].coupling == "stencil" and name in runner.output
    )
