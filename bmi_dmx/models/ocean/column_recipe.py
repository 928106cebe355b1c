"""The recipe of a column: learned constants, the process, and its correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...compose.spec import ModelSpec, PartSpec
from ...errors import ConfigError, suggestion
from .column_correction import correction_names
from .column_declarations import Surface, column_physics, numbered

__all__ = ["ColumnModel"]


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
    hidden : int
        Hidden units of the network that corrects mixing; 0: there is none.
    """

    thickness: tuple[float, ...]
    surface: Surface = "fluxes"
    drawn: bool = False
    seconds: float = 10800.0
    steps: tuple[float, ...] = ()
    learned: Literal["all"] | tuple[str, ...] = "all"
    hidden: int = 0

    def __post_init__(self) -> None:
        asked = () if self.learned == "all" else self.learned
        for name in asked:
            if name not in self._known:
                hint = suggestion(name, self._known)
                raise ConfigError(f"learned: no constant {name!r}{hint}")

    @property
    def _known(self) -> tuple[str, ...]:
        """Constants of the physics."""
        return tuple(p.name for p in column_physics(self.surface, self.drawn))

    def model(self) -> ModelSpec:
        """Return learned constants, the weights of the correction, and the process."""
        learned = self._known if self.learned == "all" else self.learned
        parts = {}
        if learned:
            parts["physics"] = PartSpec(network="constant", gives=learned)
        if self.hidden:
            parts["correction"] = PartSpec(
                network="constant", gives=correction_names(self.hidden)
            )
        options = {
            "thickness": list(self.thickness),
            "surface": self.surface,
            "drawn": self.drawn,
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
