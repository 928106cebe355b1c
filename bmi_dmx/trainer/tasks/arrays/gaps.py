"""Gaps in what models read of observations, drawn so that they learn to do without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....conversion import refuse_outside
from ....errors import ConfigError, suggestion

__all__ = ["Gaps"]


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Forcings that are hidden at random.

    Of a quarter of the windows nothing is hidden; of another one every step with even
    chance; of the rest stretches of 1 to ``longest`` steps, with as long ones between
    them of which all is told.

    Parameters
    ----------
    known : str
        Forcing that says with 1 where the others are known, with 0 where not.
    values : list of str
        These others, which are 0 where they are not known.
    longest : int
        Steps that are hidden one after the other.

    Raises
    ------
    ConfigError
        When a number is impossible, or there are no values.
    """

    known: str
    values: tuple[str, ...]
    longest: int = 10

    def __post_init__(self) -> None:
        refuse_outside("longest", self.longest, 1)
        if not self.values:
            raise ConfigError("values: the list is empty, expected names of forcings")

    def refuse_unknown(self, forcings: Any) -> None:
        """Refuse names that no forcing has.

        Parameters
        ----------
        forcings : collection of str
            Those that the model reads.
        """
        for name in (self.known, *self.values):
            if name not in forcings:
                hint = suggestion(name, forcings)
                raise ConfigError(f"data.gaps: the model reads no {name!r}{hint}")

    def hide(self, forcing: dict[str, Tensor], generator: np.random.Generator) -> None:
        """Hide some of the values of windows, (time, window), in place."""
        steps, windows = forcing[self.known].shape[:2]
        hidden = torch.from_numpy(self.drawn(steps, windows, generator))
        for name in (self.known, *self.values):
            forcing[name] = forcing[name].masked_fill(hidden, 0.0)

    def drawn(
        self, steps: int, windows: int, generator: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Return what is hidden, (time, window)."""
        hidden = np.zeros((steps, windows), dtype=np.bool_)
        kind = generator.integers(4, size=windows)
        alone = kind == 1
        hidden[:, alone] = generator.random((steps, int(alone.sum()))) < 0.5
        for window in np.flatnonzero(kind > 1):
            lengths = generator.integers(1, self.longest + 1, size=steps)
            runs = np.repeat(np.arange(steps) % 2 == 1, lengths)
            hidden[:, window] = runs[:steps]
        return hidden
