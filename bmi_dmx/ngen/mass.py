"""The mass-balance protocol: a module's own account of its water, watched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import DmxError, ModuleError
from .adapter import Adapter
from .realization import MassBalance

__all__ = ["MassWatch"]

_TERMS = ("ngen::mass_in", "ngen::mass_out", "ngen::mass_stored", "ngen::mass_leaked")


@dataclass
class MassWatch:
    """Watches one module.

    Parameters
    ----------
    adapter : Adapter
        The module.
    settings : MassBalance
        How.

    Attributes
    ----------
    supported : bool
        Whether the module answers for the four terms in one unit.
    worst : float
        Largest residual so far; NaN once one was.
    breaches : int
        Number of steps with a residual above the tolerance, or none at all.
    """

    adapter: Adapter
    settings: MassBalance
    supported: bool = False
    worst: float = 0.0
    breaches: int = 0

    def __post_init__(self) -> None:
        """Ask once whether the module takes part; that it does not is a warning."""
        if not self.settings.check:
            return
        units = set()
        try:
            for name in _TERMS:
                self._term(name)
                units.add(str(self.adapter.ask("get_var_units", name)))
        except DmxError as error:
            self.adapter.warn("mass", f"mass balance is not supported: {error}")
            return
        self.supported = len(units) == 1
        if not self.supported:
            self.adapter.warn("mass", f"mass balance has unequal units {sorted(units)}")

    def _term(self, name: str) -> float:
        """Return a term, which has to be an array of one number."""
        pointer = self.adapter.pointer(name)
        values = pointer if type(pointer) is np.ndarray else np.asarray(pointer)
        if values.shape != (1,):
            raise ModuleError(
                f"{self.adapter.catchment}: {name}: found an array of shape "
                f"{values.shape}, expected (1,)"
            )
        return float(values[0])

    def check(self, step: int, time: str) -> None:
        """Look at the balance after a step.

        Raises
        ------
        ModuleError
            When it is not closed and the settings call that fatal.
        """
        every = self.settings.frequency
        if not self.supported or every < 1 or step % every:
            return
        entered, left, stored, leaked = [self._term(name) for name in _TERMS]
        residual = abs(entered - left - stored - leaked)
        # Once it is NaN it stays so, for nothing is above: the one thing to be told.
        if residual > self.worst or residual != residual:
            self.worst = residual
        if residual <= self.settings.tolerance:
            return
        self.breaches += 1
        message = (
            f"mass balance at step {step} ({time}): in {entered:g}, out {left:g}, "
            f"stored {stored:g}, leaked {leaked:g}: residual {residual:g} above the "
            f"tolerance {self.settings.tolerance:g}"
        )
        if self.settings.fatal:
            raise ModuleError(f"{self.adapter.catchment}: {message}")
        self.adapter.warn("balance", message)
