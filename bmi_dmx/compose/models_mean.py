"""What several models answer, brought together: their weighted mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from operator import add
from string import ascii_lowercase
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from ..conversion import refuse_outside
from ..errors import ConfigError
from ..process import Process
from ..variables import Flux, Forcing, PerStep

__all__ = ["LETTERS", "MeanFlux", "ModelsMean"]

LETTERS = ascii_lowercase
"""What models are told apart by; no more of them can run as one."""


@dataclass(frozen=True, kw_only=True)
class MeanFlux:
    """A flux that all models give; fields as of :class:`~bmi_dmx.variables.Flux`."""

    units: str = "1"
    per_step: PerStep = "none"
    standard_name: str = ""
    symbol: str = ""
    about: str = ""


class ModelsMean(Process):
    """The weighted mean of what several models give, flux by flux.

    A forcing ``x_a`` is the flux ``x`` of the model ``a``. Nothing is stored, and no
    budget is closed here: each model closes its own, and weighted like this they close
    together.
    """

    about = "weighted mean of what several models give"

    @dataclass(frozen=True)
    class Options:
        """Weights of the models, which sum to one, and what is averaged."""

        weights: tuple[float, ...] = (0.5, 0.5)
        fluxes: dict[str, MeanFlux] = field(
            default_factory=lambda: {"answer": MeanFlux()}
        )

        def __post_init__(self) -> None:
            refuse_outside("weights", len(self.weights), 2, len(LETTERS))
            if not all(weight > 0.0 for weight in self.weights):
                raise ConfigError(
                    f"weights: found {min(self.weights):g}, expected all above 0"
                )
            whole = sum(self.weights)
            if abs(whole - 1.0) > 1e-9:
                raise ConfigError(f"weights: sum to {whole:.10g}, expected 1")
            if not self.fluxes:
                raise ConfigError("fluxes: expected at least one")

        def __hash__(self) -> int:
            # Kernels are found by what a process is made of.
            return hash((self.weights, tuple(self.fluxes.items())))

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.weights = self.options.weights
        fluxes = self.options.fluxes
        self.forcings = tuple(
            Forcing(
                name=f"{name}_{letter}", symbol=flux.symbol, units=flux.units,
                per_step=flux.per_step, about=f"{flux.about} of model {letter}".strip(),
            )
            for name, flux in fluxes.items()
            for letter, _ in zip(LETTERS, self.weights, strict=False)
        )  # fmt: skip
        self.fluxes = tuple(
            Flux(
                name=name, symbol=flux.symbol, units=flux.units,
                per_step=flux.per_step, standard_name=flux.standard_name,
                about=flux.about,
            )
            for name, flux in fluxes.items()
        )  # fmt: skip

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state, and the means."""
        forcings = vars(f)
        means = {}
        for flux in self.fluxes:
            terms = (
                weight * forcings[f"{flux.name}_{letter}"]
                for letter, weight in zip(LETTERS, self.weights, strict=False)
            )
            means[flux.name] = reduce(add, terms)
        return {}, means
