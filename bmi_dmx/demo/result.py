"""What the demonstration finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..trainer.tasks.basins.data.basins import BasinData
from ..trainer.tasks.basins.experiment import Experiment
from .operation import Agreement

__all__ = ["CLIMATOLOGY", "SHIPPED", "TRAINED", "UNTRAINED", "Result"]

TRAINED, UNTRAINED, CLIMATOLOGY = "trained", "untrained", "last year"
SHIPPED = "dhbv-conus-daily"
"""Bundle that is run beside the trained one where the package has it."""


@dataclass(frozen=True)
class Result:
    """What the demonstration found.

    Parameters
    ----------
    experiment : Experiment
        What was trained and how.
    data : BasinData
        The year that was stepped through.
    flows : dict of str to array (T, B)
        Streamflow of that year by model, mm per day; ``trained`` first.
    about : dict of str to str
        What the models are.
    batch : array (T, B)
        The trained model run through both years at once.
    agreement : Agreement
        Of stepping with that.
    imbalance : float
        Largest gap of a catchment's water balance over both years, mm.
    seconds : float
        Duration.
    """

    experiment: Experiment
    data: BasinData
    flows: dict[str, NDArray[np.float64]]
    about: dict[str, str]
    batch: NDArray[np.float64]
    agreement: Agreement
    imbalance: float
    seconds: float
