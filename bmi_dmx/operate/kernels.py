"""The kernels that components of a bundle step with, made before they run."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from ..bundle import Bundle
from ..errors import ConfigError
from ..kernels import build, roots
from ..kernels.layout import ABREAST, LANES
from ..kernels.stepper import kernels_listed
from ..space import Tree
from ..variables import Attribute
from .bundle_cache import bundle_named
from .clock import Clock
from .operation import Operation
from .runner import Runner
from .stages import stages
from .system import system_of

__all__ = ["needed", "operations", "prebuild", "typical_runner"]

_log = logging.getLogger(__name__)


def operations(bundle: Bundle) -> Iterator[Operation]:
    """Yield every way in which a bundle can be run."""
    system, steps = system_of(bundle.manifest.system), bundle.manifest.steps
    hosts = sorted({*steps, *system.steps.values()}, reverse=True)
    options = [
        [(part, name) for name in ("bundle", *names)]
        for part, names in system.choices.items()
    ]
    for seconds, inner, units in product(hosts, steps, system.units):
        for pairs in product(*options):
            choices = {part: name for part, name in pairs if name != "bundle"}
            try:
                operation = Operation(bundle, seconds, inner, choices, units)
            except ConfigError:
                continue  # such as steps that are longer than those of the physics
            yield operation


def typical_runner(operation: Operation, n: int) -> Runner:
    """Return a runner at places with attributes typical of the training data."""
    space = operation.space
    ids = [f"trial {k}" for k in range(n)] if space is None else space.ids
    if space is None and any(p.coupling == "upstream" for p in operation.plan.parts):
        # What a kernel is does not depend on the tree.
        space = Tree(ids, [*range(1, n), -1])
    attributes = {
        attribute.name: np.full(len(ids), _typical(operation.bundle, attribute))
        for attribute in operation.attributes
    }
    period = operation.period if operation.gathers else None
    clock = Clock(datetime(2000, 1, 1), None, operation.seconds, 0, period)
    return Runner(stages(operation), ids, attributes, clock, space)


def _typical(bundle: Bundle, attribute: Attribute) -> float:
    for moments in bundle.statistics.of(attribute.name):
        return moments.typical
    low, high = attribute.bounds or (0.0, 0.0)
    return (low + high) / 2


def needed(bundle: Bundle) -> list[str]:
    """Return the C text of every kernel a component of the bundle may ask for.

    That is in each of its :func:`operations`, at one place, at a few and at many.
    """
    with kernels_listed() as sources:
        for operation, n in product(operations(bundle), (1, 2, max(ABREAST) * LANES)):
            typical_runner(operation, n)
    return sources


def prebuild(folder: Path, names: Iterable[str], level: str) -> int:
    """Compile all that is needed to run some bundles where there is no compiler.

    What local analyses need is compiled with it.

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
    sources.update(roots.sources())
    _log.info("compiling %d kernels, about a second each", len(sources))
    with ThreadPoolExecutor() as pool:
        list(pool.map(partial(build.compile_for, level, folder=folder), sources))
    return len(sources)
