"""The kernels that components of a bundle step with, made before they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np

from ..bundle import Bundle
from ..errors import ConfigError
from ..kernels import build
from ..kernels.stepper import kernels_listed
from ..variables import Attribute
from .attributes import AREA
from .clock import Clock
from .exchange import UnitSystem
from .operation import Mode, Operation, TimeStep
from .processes import EVAPORATIONS
from .programs import plan
from .runner import Runner
from .shared import bundle_named

__all__ = ["needed", "operations", "prebuild", "typical_runner"]


def operations(bundle: Bundle) -> Iterator[Operation]:
    """Yield every way in which a bundle can be run."""
    for time_step, mode, evaporation, units in product(
        get_args(TimeStep),
        get_args(Mode),
        ("bundle", *EVAPORATIONS),
        get_args(UnitSystem),
    ):
        try:
            operation = Operation(bundle, time_step, mode, evaporation, units)
        except ConfigError:
            continue  # such as days of a model that was trained on hours
        yield operation


def typical_runner(operation: Operation, n: int) -> Runner:
    """Return a runner at locations with attributes typical of the training data."""
    planned = plan(operation)
    declared = {a.name: a for a in (AREA, *planned.variables.attributes)}
    attributes = {
        name: np.full(n, _typical(operation.bundle, attribute))
        for name, attribute in declared.items()
    }
    clock = Clock(datetime(2000, 1, 1), None, operation.seconds)
    return Runner(planned, [f"trial {k}" for k in range(n)], attributes, clock)


def _typical(bundle: Bundle, attribute: Attribute) -> float:
    if attribute.name in bundle.statistics:
        return bundle.statistics[attribute.name].typical
    low, high = attribute.bounds or (0.0, 0.0)
    return (low + high) / 2


def needed(bundle: Bundle) -> list[str]:
    """Return the C text of every kernel a component of the bundle may ask for.

    That is in each of its :func:`operations`, at one location and at many.
    """
    with kernels_listed() as sources:
        for operation, n in product(operations(bundle), (1, 2)):
            typical_runner(operation, n)
    return sources


def prebuild(folder: Path, names: Iterable[str], level: str) -> int:
    """Compile all that is needed to run some bundles where there is no compiler.

    Parameters
    ----------
    folder : Path
        Where to; ``BMI_DMX_KERNELS`` has to name it when the bundles run.
    names : iterable of str
        Bundles: registered names or paths.
    level : str
        Instruction set, one of :data:`bmi_dmx.kernels.processor.LEVELS`.

    Returns
    -------
    int
        Number of kernels, those included that were there before.

    Raises
    ------
    BundleError
        When a bundle is not whole.
    ScanError
        When there is no compiler.
    """
    bundles = [bundle_named(name, Path()) for name in names]
    sources = {source for bundle in bundles for source in needed(bundle)}
    with ThreadPoolExecutor() as pool:
        list(pool.map(partial(build.compile_for, level, folder=folder), sources))
    return len(sources)
