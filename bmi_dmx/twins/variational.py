"""A hindcast by 4D-Var: stores and rain of the last days that explain what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..assimilation.error_model import Autoregression
from ..assimilation.filters.var4d import Var4d
from ..assimilation.observation import Observation
from ..assimilation.window import Twin, Window
from ..bundle import Bundle
from ..conversion import refuse_outside
from ..errors import ConfigError
from ..trainer.tasks.basins.data.basins import BasinData
from .hindcast_run import OpenLoop, shown
from .stretches import Stretches

__all__ = ["Variational", "variational"]

Array = np.ndarray[Any, np.dtype[Any]]

_TOLERANCE = 1e-3
"""Mean square of the gradient at which a window is explained: its controls are then a
thirtieth of a standard deviation from the best."""


@dataclass(frozen=True, kw_only=True)
class Variational:
    """What a window may change, and how readily.

    Standard deviations of the errors of the background; what is added to the logarithm
    of 1 and a store, in mm, is one number for all its entries and parallel sets.

    Parameters
    ----------
    window : int
        Days of a window, which ends with the latest observation.
    stores : mapping of str to float
        Of the stores at the start of the window, by name.
    precipitation : float
        Of the logarithm by which the precipitation of each day is multiplied.
    error : float
        Of what is observed, as a share of that of the model alone.
    offset : float
        Added to flows before the root, mm per day.
    iterations : int
        Most steps of Gauss–Newton.

    Raises
    ------
    ConfigError
        When a number is impossible.
    """

    window: int = 5
    stores: dict[str, float] = field(default_factory=dict)
    precipitation: float = 0.2
    error: float = 1.0
    offset: float = 0.02
    iterations: int = 3

    def __post_init__(self) -> None:
        refuse_outside("window", self.window, 2, 60)
        refuse_outside("iterations", self.iterations, 1, 100)
        numbers = {
            "precipitation": self.precipitation,
            "error": self.error,
            "offset": self.offset,
            **{f"stores.{name}": std for name, std in self.stores.items()},
        }
        for name, number in numbers.items():
            if not number > 0.0:
                raise ConfigError(f"{name}: found {number}, expected above 0")


def variational(
    bundle: Bundle,
    data: BasinData,
    observed: Array,
    settings: Variational,
    past: OpenLoop,
    learned: slice,
    scored: int,
    leads: int,
) -> Array:
    """Return forecasts of the days after each day, (day, lead, basin).

    Every day a window that ends with it is analysed: the stores at its start and the
    precipitation of its days are changed until the flow fits what was observed, as far
    as the background lets them (4D-Var; Le Dimet and Talagrand 1986,
    doi:10.1111/j.1600-0870.1986.tb00459.x). The model has no errors within a window.
    The next one starts a day later, from what this one led to. As every observation
    stands in as many windows as one has days, it counts in each for that part only.

    Roots are compared. What is left of their errors is of first order, which was fitted
    at every basin to those of the model alone, and is carried on.

    Parameters
    ----------
    bundle : Bundle
        The model.
    data : BasinData
        Basins and their weather.
    observed : ndarray
        (day, basin) what the gauges tell; NaN is missing.
    settings : Variational
        How.
    past : OpenLoop
        The model alone, and the day at which the first window starts.
    learned : slice
        Days from which the errors are known.
    scored : int
        First day that is scored.
    leads : int
        Days ahead.

    Returns
    -------
    ndarray
        NaN from days from which no forecast was made.
    """
    roots = _Roots(observed, past.flow, learned, settings)
    model = Stretches(
        bundle, data, settings.stores, settings.precipitation, settings.window
    )
    control = Var4d(
        model.variances, iterations=settings.iterations, tolerance=_TOLERANCE
    )
    state = model.reached(past.start)
    days, basins = data.target.shape
    ahead = np.full((days, leads, basins), np.nan)
    nothing = np.zeros((basins, 1, len(model.variances)))
    for first in shown(past.start, days - settings.window + 1):
        last = first + settings.window - 1
        window = _window(model, roots, state, first, last)
        controls = control.analyse_window(nothing, window).start[:, 0]
        if last + leads >= scored and last + 1 < days:
            end = min(last + 1 + leads, days)
            series = model.flow(controls, state, first, end)
            during, after = np.split(series, [settings.window])
            ahead[last, : len(after)] = roots.carried_on(during, after, last)
        state = model.next_state(controls, state, first)
    return ahead


def _window(
    model: Stretches, roots: _Roots, state: Mapping[str, Tensor], first: int, last: int
) -> Window:
    """Return the window of some days, of which the controls are the states."""
    value, error, before, share = roots.observation(first, last)

    def flow(controls: Tensor) -> Tensor:
        flows = roots.of(model.run(controls, state, first, last + 1))
        earlier = torch.gather(flows, -1, torch.from_numpy(before).expand(flows.shape))
        return flows - torch.from_numpy(share) * earlier

    return Window(
        propagate=lambda states, _: states,
        predict=lambda states, _: flow(torch.from_numpy(states)).numpy(),
        observations=(Observation(value, error),),
        twin=Twin(
            propagate=lambda states, _: states, predict=lambda states, _: flow(states)
        ),
    )


class _Roots:
    """What is observed as roots, and the errors that go on from day to day.

    Parameters
    ----------
    observed, flow, learned, settings
        As of :func:`variational`.
    """

    def __init__(
        self, observed: Array, flow: Array, learned: slice, settings: Variational
    ) -> None:
        self._offset = settings.offset
        self._observed = np.sqrt(np.maximum(observed, 0.0) + self._offset)
        errors = (self._observed - np.sqrt(flow + self._offset))[learned]
        self._errors = Autoregression.fitted(errors)
        # Every observation stands in as many windows as one has days.
        power = np.nanmean(errors**2, axis=0) * settings.window
        self._std = settings.error * np.sqrt(power)

    def of(self, flow: Tensor) -> Tensor:
        """Return roots of flow."""
        return (flow.clamp(min=0.0) + self._offset).sqrt()

    def observation(self, first: int, last: int) -> tuple[Array, Array, Array, Array]:
        """Return what is compared of some days, and what it is made of.

        That is a root less the share of the last one before that was observed which
        their errors have in common: errors of these differences are independent.

        Returns
        -------
        value, error : ndarray
            (basin, day) with its standard deviation; NaN where nothing was observed.
        before : ndarray of int
            (basin, 1, day) the day of the window observed before.
        share : ndarray
            (basin, 1, day) of that day; 0 where there is none.
        """
        roots = self._observed[first : last + 1].T
        days = np.arange(roots.shape[1])
        at = np.maximum.accumulate(np.where(np.isnan(roots), -1, days), axis=1)
        before = np.concatenate([np.full((len(roots), 1), -1), at[:, :-1]], axis=1)
        rho = np.asarray(self._errors.share)[:, None]
        share = np.where(before < 0, 0.0, rho ** (days - before))
        before = np.maximum(before, 0)
        earlier = np.take_along_axis(np.nan_to_num(roots), before, axis=1)
        error = self._std[:, None] * np.sqrt(np.maximum(1.0 - share**2, 1e-4))
        return roots - share * earlier, error, before[:, None], share[:, None]

    def carried_on(self, during: Array, after: Array, last: int) -> Array:
        """Return flow ahead with what is left of the last error that is known.

        Parameters
        ----------
        during, after : ndarray
            (day, basin) flow of a window that ends with a day, and of the days after.
        last : int
            That day.
        """
        observed = self._observed[last + 1 - len(during) : last + 1]
        errors = observed - np.sqrt(during + self._offset)
        error, age = errors[-1].copy(), np.zeros(errors.shape[1], dtype=np.intp)
        for days, earlier in enumerate(errors[-2::-1], start=1):
            age[np.isnan(error)] = days
            error = np.where(np.isnan(error), earlier, error)
        roots = np.sqrt(after + self._offset)
        corrected: Array = self._errors.corrected(roots, error, age)
        return np.maximum(np.maximum(corrected, 0.0) ** 2 - self._offset, 0.0)
