"""Land run over windows: from its weather to what enters the reaches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....bundle import load_bundle
from ....compose import Model, fit_statistics
from ....errors import ConfigError, UnitsError, suggestion
from ....units import convert
from ...companion import Companion
from .data import RiverData
from .forest import Forest
from .gauges import MM_PER_DAY
from .land import AREA, LandData
from .land_spec import Land

__all__ = ["LandRuns", "at_once", "companion"]

DEPTH, VOLUME = "mm d-1", "m3 s-1"


def companion(spec: Land, data: LandData, train: slice) -> Companion:
    """Return the land as it begins.

    Parameters
    ----------
    spec : Land
        What it is.
    data : LandData
        Says what its networks are to expect, where no bundle does.
    train : slice
        Days of the training period.

    Raises
    ------
    BundleError, ConfigError
        There is no such bundle, or its weights do not fit.
    """
    if spec.start is None:
        steps = slice(train.start * data.per_day, train.stop * data.per_day)
        forcing = {name: x[steps] for name, x in data.forcing.items()}
        statistics = fit_statistics(spec.spec, forcing, data.attributes)
        return Companion(model=Model(spec.spec, statistics), rate=spec.rate)
    bundle = load_bundle(spec.start)
    try:
        model = Model(spec.spec, bundle.statistics)
    except ConfigError as error:
        raise ConfigError(
            f"land.model: what {spec.start} was trained with does not fit: {error}"
        ) from None
    weights = {n: torch.from_numpy(np.array(x)) for n, x in bundle.weights.items()}
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        problem = " ".join(str(error).split())
        raise ConfigError(
            f"land.model: the weights of {spec.start} do not fit: {problem}"
        ) from None
    return Companion(model=model, rate=spec.rate)


class LandRuns:
    """How land is run: what is the same for all of a training.

    Parameters
    ----------
    spec : Land
        Which of its fluxes enters the reaches.
    data : LandData
        What drives it.
    model : Model
        What runs; its weights may change between runs.

    Raises
    ------
    ConfigError
        There is no such flux, or it is neither a depth in time nor a volume.
    """

    def __init__(self, spec: Land, data: LandData, model: Model) -> None:
        self.spec, self.data, self.model = spec, data, model
        self.volume = torch.from_numpy(_volume(spec, data, model))
        self.attributes = {
            name: torch.from_numpy(x) for name, x in data.attributes.items()
        }
        self.start = [w.detach().clone() for w in model.parameters()]

    @property
    def learns(self) -> bool:
        """Whether the land is trained."""
        return self.spec.rate > 0.0

    def inflow(self, reaches: NDArray[np.intp], start: Tensor, days: int) -> Tensor:
        """Return the lateral inflow of windows, (step, window * reach), m3 s-1.

        Parameters
        ----------
        reaches : (N,) array of int
            Which ones, as they stand in the river.
        start : (B,) Tensor of int
            Days on which windows begin.
        days : int
            Length of the windows.
        """
        places, rows, columns, weights = self._links(reaches)
        copies, before = len(start), self.spec.spin_up
        steps = self.data.steps(start.cpu().numpy(), before, days)
        like = self.model.like
        at = steps.T[:, :, None], places
        forcing = {
            name: torch.from_numpy(x[at].reshape(steps.shape[1], -1)).to(like)
            for name, x in self.data.forcing.items()
        }
        attributes = {
            n: x[places].to(like).repeat(copies) for n, x in self.attributes.items()
        }
        gives = self.spec.gives
        ran = self.model.simulate(
            forcing, attributes, warmup=before * self.data.per_day, outputs=(gives,)
        )
        flow = ran.outputs[gives].reshape(-1, copies, len(places))
        flow = flow * self.volume[places].to(like)
        shares = flow[:, :, columns] * weights.to(like)
        inflow = shares.new_zeros(len(flow), copies, len(reaches))
        return inflow.index_add(2, rows.to(like.device), shares).flatten(1)

    def _links(
        self, reaches: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], Tensor, NDArray[np.intp], Tensor]:
        """Return the land that enters some reaches, and what of it enters which."""
        whole = self.data.map
        local = np.full(len(whole.target), -1)
        local[reaches] = np.arange(len(reaches))
        inside = local[whole.rows] >= 0
        places, columns = np.unique(whole.columns[inside], return_inverse=True)
        weights = torch.from_numpy(whole.weights[inside].copy())
        rows = torch.from_numpy(local[whole.rows[inside]])
        return places, rows, columns, weights

    def whole(self, river: RiverData) -> RiverData:
        """Return a river with the lateral inflow of its land, as in evaluation."""
        reaches = np.arange(len(river.river))
        first = torch.zeros(1, dtype=torch.int64)
        training = self.model.training
        self.model.eval()
        with torch.no_grad():
            inflow = self.inflow(reaches, first, len(river.days))
        self.model.train(training)
        return replace(river, inflow=inflow.float().cpu().numpy())

    def departure(self) -> Tensor:
        """Return how far the weights are from those that the land began with.

        The sum of squared differences, relative to that of their squares.
        """
        pairs = zip(self.model.parameters(), self.start, strict=True)
        apart = [(now - then.to(now)).square().sum() for now, then in pairs]
        size = sum(float(then.square().sum()) for then in self.start)
        return torch.stack(apart).sum() / size


def _volume(spec: Land, data: LandData, model: Model) -> NDArray[np.float64]:
    """Return what makes m3 s-1 of what a model gives, (place,)."""
    if spec.gives not in model.plan.outputs:
        hint = suggestion(spec.gives, model.plan.outputs)
        raise ConfigError(f"land.gives: the land gives no {spec.gives!r}{hint}")
    units = model.plan.outputs[spec.gives][1].units
    area = data.attributes[AREA]
    for target, factor in ((DEPTH, area / MM_PER_DAY), (VOLUME, np.ones(len(area)))):
        if _convertible(units, target):
            return factor * float(convert(1.0, units, target))
    raise ConfigError(
        f"land.gives: {spec.gives!r} is in {units}, expected a depth in time, such as"
        f" {DEPTH}, or {VOLUME}"
    )


def _convertible(units: str, target: str) -> bool:
    try:
        convert(1.0, units, target)
    except UnitsError:
        return False
    return True


def at_once(
    forest: Forest, lateral: Tensor, share: Tensor, per_day: int, warmup: int
) -> Tensor:
    """Return daily flow at gauges of what enters above on the same day, (day, place).

    Parameters
    ----------
    forest : Forest
        Where.
    lateral : Tensor
        (step, reach of the forest), whole days.
    share : Tensor
        (gauge,) share of the inflow of its own reach that a gauge sees.
    per_day : int
        Steps in a day.
    warmup : int
        Days at the beginning that are left out.
    """
    days = lateral.reshape(-1, per_day, lateral.shape[1]).mean(1)[warmup:]
    above = forest.above.to(days)
    below = (1.0 - share.to(days)).repeat(forest.copies) * days[:, forest.outlets]
    by_copy = days.reshape(len(days), forest.copies, -1)
    return (by_copy @ above.T).flatten(1) - below
