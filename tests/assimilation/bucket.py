"""A component of BMI in plain Python, written without knowing of ensembles."""

from __future__ import annotations

import numpy as np


class Buckets:
    """Stores that lose a share of their water each step; two of them."""

    def __init__(self, share: float = 0.1, *, deaf: bool = False) -> None:
        self.inflow, self.storage = np.zeros(2), np.full(2, 5.0)
        self.outflow = np.zeros(1)
        self._share, self._deaf = share, deaf

    def get_input_var_names(self) -> tuple[str, ...]:
        return ("inflow", "storage")

    def get_output_var_names(self) -> tuple[str, ...]:
        return ("storage", "outflow")

    def get_var_grid(self, name: str) -> int:
        return 1 if name == "outflow" else 0

    def get_grid_size(self, grid: int) -> int:
        return 1 if grid == 1 else 2

    def get_var_type(self, name: str) -> str:
        return "float64"

    def get_value(self, name: str, dest: np.ndarray) -> np.ndarray:
        dest[:] = getattr(self, name)
        return dest

    def set_value(self, name: str, src: np.ndarray) -> None:
        if not (self._deaf and name == "storage"):
            getattr(self, name)[:] = src

    def update(self) -> None:
        self.storage += self.inflow
        outflow = self._share * self.storage
        self.storage -= outflow
        self.outflow[0] = outflow.sum()
