"""The recipe of a column: learned constants, the process, and its correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...compose.spec import ModelSpec, PartSpec
from ...conversion import refuse_outside
from ...errors import ConfigError, suggestion
from ...process import SECONDS
from .column_correction import correction_names
from .column_declarations import Surface, column_physics, numbered

__all__ = ["ColumnModel"]

_FEEDBACK = "heat_feedback"

_STRESS = ("stress_x", "stress_y")


@dataclass(frozen=True, kw_only=True)
class ColumnModel:
    """A column whose physics is learned inside its bounds, and corrected.

    Parameters
    ----------
    thickness : list of float
        Of the levels from the surface down, m.
    surface : {"fluxes", "weather"}
        Whether stress, heat and light are given, or follow from the weather.
    drawn : bool
        Whether the surface is drawn to a temperature that is given.
    seconds : float
        Length of a step.
    steps : list of float
        Lengths of more steps that bundles can be run at, in seconds.
    learned : "all" or list of str
        Constants of physics that are learned; the others have their defaults.
    carried : bool
        Whether wind carries water in from around, by gradients of its temperature.
    hidden : int
        Hidden units of the network that corrects mixing; 0: there is none.
    feedback : int
        Hidden units of the network that says how strongly the surface is drawn to a
        temperature, by that temperature and the fluxes of the day before; 0: it is a
        constant.
    """

    thickness: tuple[float, ...]
    surface: Surface = "fluxes"
    drawn: bool = False
    seconds: float = 10800.0
    steps: tuple[float, ...] = ()
    learned: Literal["all"] | tuple[str, ...] = "all"
    carried: bool = False
    hidden: int = 0
    feedback: int = 0

    def __post_init__(self) -> None:
        refuse_outside("feedback", self.feedback, 0, 64)
        if self.feedback and not (self.drawn and self.surface == "fluxes"):
            raise ConfigError(
                "feedback: expected a surface of fluxes that is drawn to a temperature"
            )
        constants = () if self.learned == "all" else self.learned
        for name in constants:
            if name not in self._known:
                hint = suggestion(name, self._known)
                raise ConfigError(f"learned: no constant {name!r}{hint}")

    @property
    def _known(self) -> tuple[str, ...]:
        """Constants of the physics."""
        parameters = column_physics(self.surface, self.drawn, self.carried)
        return tuple(p.name for p in parameters)

    def model(self) -> ModelSpec:
        """Return learned constants, the weights of the correction, and the process."""
        constants = self._known if self.learned == "all" else self.learned
        learned = tuple(n for n in constants if not (self.feedback and n == _FEEDBACK))
        parts = {}
        if learned:
            parts["physics"] = PartSpec(network="constant", gives=learned)
        if self.hidden:
            parts["correction"] = PartSpec(
                network="constant", gives=correction_names(self.hidden)
            )
        if self.feedback:
            parts["feedback"] = PartSpec(
                network="mlp", gives=(_FEEDBACK,), step=SECONDS["d"],
                options={"hidden": [self.feedback], "activation": "tanh"},
                forcings=("target_temperature", "light", "heat", *_STRESS),
            )  # fmt: skip
        options = {
            "thickness": list(self.thickness),
            "surface": self.surface,
            "drawn": self.drawn,
            "carried": self.carried,
            "hidden": self.hidden,
        }
        parts["column"] = PartSpec(process="column", options=options)
        answers = numbered("temperature", len(self.thickness))
        return ModelSpec(
            parts=parts,
            seconds=self.seconds,
            steps=self.steps,
            system="ocean",
            answers=("surface_temperature", "mixed_depth", *answers),
        )
