"""The cost of 4D-Var on tensors, with its derivatives; what of it needs PyTorch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad

from ...errors import ConfigError, DataError
from ...space.description import Array
from ..window import Twin, Window

__all__ = ["Cost"]


@dataclass(frozen=True, eq=False)
class Cost:
    """½vᵀv + ½‖r(v)‖² of every problem, with v the controls in standard deviations.

    Controls are the start of the window, and where the model has errors what is added
    at the end of every cycle; r are the differences of what is predicted and observed
    in standard deviations of the error.

    Parameters
    ----------
    background : Tensor
        (…, m, n).
    roots : tuple of Tensor
        Of the covariances of what is controlled: () or (n,) standard deviations, or
        (n, n).
    twin : Twin
        The model.
    values, weights : tuple of Tensor
        (…, 1, p) what was observed in every cycle, and 1/σ; 0 where nothing was.
    """

    background: Tensor
    roots: tuple[Tensor, ...]
    twin: Twin
    values: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]

    @classmethod
    def of(
        cls,
        ensemble: Array,
        window: Window,
        covariance: float | Array,
        model_error: float | Array | None,
    ) -> Cost:
        """Return the cost of a window with a twin.

        Raises
        ------
        ConfigError
            When the window has no twin.
        DataError
            When a covariance does not fit the state, or what is observed does not fit
            the problems.
        """
        if window.twin is None:
            raise ConfigError("Var4d: window: expected a twin on tensors, found none")
        roots = [_root("covariance", covariance, ensemble)]
        if model_error is not None:
            root = _root("model_error", model_error, ensemble)
            roots += [root] * len(window.observations)
        values, weights = [], []
        for cycle, observation in enumerate(window.observations):
            if observation.value.shape[:-1] != ensemble.shape[:-2]:
                raise DataError(
                    f"Var4d: observation: expected shape {ensemble.shape[:-2]} and one "
                    f"more axis in cycle {cycle}, found {observation.value.shape}"
                )
            valid = observation.valid
            weight = np.zeros(valid.shape)
            np.divide(1.0, observation.error, out=weight, where=valid)
            value = np.where(valid, observation.value, 0.0)
            kind = ensemble.dtype
            values.append(torch.from_numpy(value.astype(kind)[..., None, :]))
            weights.append(torch.from_numpy(weight.astype(kind)[..., None, :]))
        background = torch.from_numpy(np.ascontiguousarray(ensemble))
        return cls(background, tuple(roots), window.twin, tuple(values), tuple(weights))

    def start(self) -> Tensor:
        """Return the controls of the background itself, (…, m, c): none."""
        *shape, entries = self.background.shape
        return self.background.new_zeros((*shape, entries * len(self.roots)))

    def increments(self, control: Tensor) -> list[Tensor]:
        """Return what controls add to the start and to the end of every cycle."""
        pieces = control.chunk(len(self.roots), dim=-1)
        return [
            piece @ root.mT if root.ndim == 2 else root * piece
            for piece, root in zip(pieces, self.roots, strict=True)
        ]

    def residuals(self, control: Tensor) -> Tensor:
        """Return r, (…, m, Σp)."""
        first, *later = self.increments(control)
        state = self.background + first
        residuals = []
        for cycle, (value, weight) in enumerate(
            zip(self.values, self.weights, strict=True)
        ):
            state = self.twin.propagate(state, cycle)
            if later:
                state = state + later[cycle]
            # What is not observed has no weight, but may still be no number.
            difference = self.twin.predict(state, cycle) - value
            residuals.append(torch.where(weight > 0, difference * weight, 0.0))
        return torch.cat(residuals, dim=-1)

    def __call__(self, control: Tensor) -> Tensor:
        """Return the cost of every problem, (…, m)."""
        residuals = self.residuals(control)
        return 0.5 * (control.square().sum(-1) + residuals.square().sum(-1))

    def gradient(self, control: Tensor) -> Tensor:
        """Return the gradient of every cost by its controls, backward: (…, m, c)."""
        control = control.detach().requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(self(control).sum(), control)
        return gradient

    def linearised(self, control: Tensor) -> tuple[Tensor, Tensor]:
        """Return the residuals, (…, m, r), and their Jacobian, (…, m, r, c).

        The model runs once, over copies of the states side by side: forward over as
        many as there are controls, or backward over as many as there are residuals,
        where these are fewer and the twin does not ask for the other way.
        """
        residuals = sum(weight.shape[-1] for weight in self.weights)
        if residuals <= control.shape[-1] and not self.twin.forward:
            return self._backward(control, residuals)
        return self._forward(control)

    def _backward(self, control: Tensor, count: int) -> tuple[Tensor, Tensor]:
        copies = control.detach().expand(count, *control.shape).clone()
        copies.requires_grad_()
        with torch.enable_grad():
            residuals = self.residuals(copies)
            # Of every copy the one residual that is its own.
            diagonal = residuals.diagonal(dim1=0, dim2=-1)
            (rows,) = torch.autograd.grad(diagonal.sum(), copies)
        return diagonal.detach(), rows.movedim(0, -2)

    def _forward(self, control: Tensor) -> tuple[Tensor, Tensor]:
        count = control.shape[-1]
        shape = (count, *control.shape)
        units = torch.eye(count, dtype=control.dtype)
        units = units.reshape(count, *(1,) * (control.ndim - 1), count)
        _prepare()
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(  # type: ignore[no-untyped-call]
                control.expand(shape).clone(), units.expand(shape).clone()
            )
            residuals, tangent = forward_ad.unpack_dual(  # type: ignore[no-untyped-call]
                self.residuals(dual)
            )
        return residuals[0], tangent.movedim(0, -1)


@cache
def _prepare() -> None:
    """Have PyTorch load what forward derivatives need, for which it warns of itself."""
    with warnings.catch_warnings(), forward_ad.dual_level():
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        forward_ad.make_dual(  # type: ignore[no-untyped-call]
            torch.zeros(1), torch.zeros(1)
        )


def _root(name: str, covariance: float | Array, ensemble: Array) -> Tensor:
    """Return a root of a covariance; refuse what is none."""
    entries = ensemble.shape[-1]
    array = np.asarray(covariance, dtype=np.float64)
    if array.shape not in {(), (entries,), (entries, entries)}:
        raise DataError(
            f"Var4d: {name}: expected a number, ({entries},) or "
            f"({entries}, {entries}), found {array.shape}"
        )
    if array.ndim == 2:
        try:
            root = np.linalg.cholesky(array)
        except np.linalg.LinAlgError:
            raise DataError(f"Var4d: {name}: expected a positive matrix") from None
    elif (array > 0.0).all():
        root = np.sqrt(array)
    else:
        raise DataError(f"Var4d: {name}: expected positive variances")
    return torch.from_numpy(np.asarray(root, dtype=ensemble.dtype))
