"""What a model is expected to miss, which a network finds from what it missed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import ConfigError
from ..process import Process
from ..units import unknown
from ..variables import Flux, Forcing, Parameter

__all__ = ["KNOWN", "MISSED", "PREDICTED", "PREVIOUS", "RemainingError"]

PREDICTED, PREVIOUS, MISSED, KNOWN = "predicted", "previous", "missed", "known"
"""Forcings of the process: what the model predicts for the step and did for the one
before; what it missed at that one, on the scale, 0 where nobody knows; and 1 where
somebody does, else 0."""


class RemainingError(Process):
    r"""The error of a prediction at every step, from errors and inputs until then.

    A network with a memory reads what a model predicts, what else is known of the step,
    and by how much the model was wrong a step before, if that was observed. It answers
    with the error :math:`e` on a scale :math:`g` on which predictions :math:`x` and
    what is observed are compared, so that

    .. math:: \hat y = g^{-1}(g(x) + e)

    is expected to be observed. Steps at which nothing is observed go on from what the
    network remembers, as a forecast does: an amortized filter (McCabe and Brown 2021,
    doi:10.48550/arXiv.2111.01058) of the error alone, learned from observations as Feng
    et al. (2020), doi:10.1029/2019WR026793, let networks read those of before.

    Parameters
    ----------
    options : mapping or Options, optional
        What is observed, on which scale, and what is read.

    Raises
    ------
    ConfigError
        When a number or unit is impossible.
    """

    @dataclass(frozen=True)
    class Options:
        """What can be chosen.

        Parameters
        ----------
        units : str
            Of what is observed.
        scale : {"linear", "root"}
            Whether values are compared as they are, or as square roots of themselves
            and ``offset``.
        offset : float
            Added before the root.
        reads : mapping of str to str
            Units of what else the network reads, by the names that the model has for
            its forcings, fluxes and states.
        """

        units: str = "1"
        scale: Literal["linear", "root"] = "linear"
        offset: float = 0.0
        reads: dict[str, str] = field(default_factory=dict)

        def __post_init__(self) -> None:
            if not 0.0 <= self.offset < math.inf:
                raise ConfigError(f"offset: found {self.offset}, expected 0 or more")
            if self.scale == "root" and not self.offset:
                raise ConfigError("offset: found 0, which a root needs above it")
            for name in (PREDICTED, PREVIOUS, MISSED, KNOWN):
                if name in self.reads:
                    raise ConfigError(f"reads: {name!r} is read in any case; remove it")
            for name, units in {"units": self.units, **self.reads}.items():
                problem = unknown(units)
                if problem:
                    raise ConfigError(f"{name}: {problem}")

        def __hash__(self) -> int:
            # Kernels are found by what a process is made of.
            reads = tuple(self.reads.items())
            return hash((self.units, self.scale, self.offset, reads))

    about = "what a model is expected to miss, from what it missed before"
    time = "1"
    options: Options
    parameters = (
        Parameter(
            name="error", symbol="e", spacing="free", per="place",
            about="error that is expected, on the scale",
        ),
    )  # fmt: skip

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        choices = self.options
        standard = (
            Forcing(
                name=PREDICTED, symbol="x", units=choices.units,
                about="what the model predicts for the step",
            ),
            Forcing(
                name=PREVIOUS, symbol="x", units=choices.units,
                about="what it predicted for the step before",
            ),
            Forcing(
                name=MISSED, symbol="e",
                about="error a step before, on the scale; 0 where unknown",
            ),
            Forcing(
                name=KNOWN, symbol="m", bounds=(0.0, 1.0),
                about="1 where that error is known, else 0",
            ),
        )  # fmt: skip
        others = (
            Forcing(name=name, symbol="z", units=units, about="read by the network")
            for name, units in choices.reads.items()
        )
        self.forcings = (*standard, *others)
        self.fluxes = (
            Flux(
                name="expected", symbol="y", units=choices.units,
                about="what is expected to be observed",
            ),
            Flux(name="remaining", symbol="e", about="error that is expected"),
        )  # fmt: skip

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state, what is expected, and the error on the scale."""
        if self.options.scale == "linear":
            return {}, {"expected": f.predicted + p.error, "remaining": p.error}
        offset = self.options.offset
        root = torch.sqrt(torch.clamp(f.predicted, min=0.0) + offset) + p.error
        whole = torch.square(torch.clamp(root, min=0.0)) - offset
        expected = torch.clamp(whole, min=0.0)
        return {}, {"expected": expected, "remaining": p.error}
