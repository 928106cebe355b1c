"""4D-Var: the start of a window that fits a background and all that was observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...errors import ConfigError
from ...space.description import Array
from ..window import Window, WindowAnalysis
from .filter import checked_ensemble

__all__ = ["Var4d"]


@dataclass(frozen=True, eq=False)
class Var4d:
    """Four-dimensional variational assimilation, with or without errors of the model.

    Le Dimet and Talagrand (1986), doi:10.1111/j.1600-0870.1986.tb00459.x; with errors
    of the model at the ends of cycles as further controls, Trémolet (2006),
    doi:10.1256/qj.05.224. Every member is a background of its own, so one is enough.
    The twin of the window gives derivatives: the whole Jacobian, for Gauss–Newton of
    small states, or gradients, for L-BFGS of large ones. A step is taken by the
    problems alone whose cost it lowers, and halved by the others.

    Parameters
    ----------
    covariance : float or ndarray
        Of the errors of the background: a variance, (n,) variances or (n, n).
    model_error : float or ndarray, optional
        Of the model over a cycle, alike; None is a perfect model.
    method : {"gauss_newton", "lbfgs"}
        How the cost is minimised.
    iterations : int
        Most steps.
    tolerance : float
        Mean square of the gradient of the cost by controls in standard deviations, at
        which a problem has converged; they are then no farther from the optimum.
    """

    covariance: float | Array
    model_error: float | Array | None = None
    method: Literal["gauss_newton", "lbfgs"] = "gauss_newton"
    iterations: int = 20
    tolerance: float = 1e-8

    def __post_init__(self) -> None:
        if self.method not in ("gauss_newton", "lbfgs"):
            raise ConfigError(
                f"Var4d: method: expected 'gauss_newton' or 'lbfgs', found "
                f"{self.method!r}"
            )

    def analyse_window(
        self,
        ensemble: Array,
        window: Window,
        *,
        taper: Array | None = None,
        generator: np.random.Generator | None = None,
    ) -> WindowAnalysis:
        """Return the analysed states; see :class:`WindowFilter`.

        Raises
        ------
        ConfigError
            When the window has no twin, or there is a taper: the covariance says how
            far observations reach.
        """
        # PyTorch is loaded by those alone who ask for derivatives.
        from . import cost, descent

        if taper is not None:
            raise ConfigError("Var4d: taper: expected None, the covariance is local")
        checked_ensemble("Var4d", ensemble, least=1)
        problem = cost.Cost.of(ensemble, window, self.covariance, self.model_error)
        minimise = {"gauss_newton": descent.gauss_newton, "lbfgs": descent.lbfgs}
        control = minimise[self.method](problem, self.iterations, self.tolerance)
        first, *later = (x.numpy() for x in problem.increments(control))
        states = [ensemble + first]
        for cycle in range(len(window.observations)):
            state = window.propagate(states[-1], cycle)
            states.append(state + later[cycle] if later else state)
        return WindowAnalysis(tuple(states))
