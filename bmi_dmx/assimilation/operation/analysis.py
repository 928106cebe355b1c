"""Forecast and analysis: what observations change in a running ensemble."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from ...errors import ConfigError, suggestion
from ...operate.ensemble import EnsembleRunner, mean_of
from ...operate.repeated_warnings import warn_once
from ..filters import Filter
from ..inflation import inflated, rtpp, rtps
from ..observation import Observation, limited, screened
from .filters import filter_from
from .inbox import ABSURD, FAILED, NONE, USED, DueValues, Inbox
from .innovations import Innovations
from .learned_remainder import LearnedRemainder
from .perturbations import Disturbances, generator_of
from .remainder import Remainder
from .settings import (
    AssimilationSettings,
    ObservedQuantity,
    Relaxation,
    RemainderSettings,
)
from .stores import Stores, places_of
from .tree_localisation import as_one, together_on

__all__ = ["Assimilation", "Source", "output_named"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Indices = np.ndarray[Any, np.dtype[np.intp]]

_log = logging.getLogger(__name__)

_NUMBERS = 2**18
"""Of the states of places that are analysed together: more does not make it faster."""

_OF_FILTERS = 4000


class Source(Protocol):
    """Brings what was observed in the place of a host."""

    def bring(self, inboxes: Mapping[str, Inbox], now: float, seconds: float) -> None:
        """Put into inboxes what holds in the step that ends, and no more.

        Parameters
        ----------
        inboxes : mapping of str to Inbox
            By output.
        now : float
            End of the step, seconds since 1970.
        seconds : float
            Its length.
        """


class Assimilation:
    """Drives an ensemble: disturbs its members, and lets observations correct them.

    After every step the members' predictions are kept for as long as observations may
    be late. Where new ones hold, a filter changes the stores of their places, and the
    predictions that are kept with them, so that a late observation acts on what was
    predicted for its time (asynchronous; Sakov et al. 2010,
    doi:10.1111/j.1600-0870.2009.00417.x). Every place is analysed by itself, but those
    of a tree are one state, in which observations count by their distance.

    Parameters
    ----------
    runner : EnsembleRunner
        Whose members they are.
    settings : AssimilationSettings
        The block of the configuration.

    Attributes
    ----------
    inboxes : dict of str to Inbox
        What is observed, by name of the output.
    increments : dict of str to ndarray
        (place,) what the analysis of the last step added to each store.
    assimilated : dict of str to ndarray
        (place,) what all analyses added since the start, by budget.
    analysed : dict of str to ndarray
        (place,) mean of what is observed after the analysis.
    expected : dict of str to ndarray
        (place,) mean of what was expected to be observed before anything was, with what
        remains of earlier errors.
    innovations : Innovations
        What became of all observations.
    memory : dict of str to ndarray
        What a continuation needs.
    source : Source or None
        Brings what was observed, if no host does.

    Raises
    ------
    ConfigError
        When a name or setting is none.
    """

    def __init__(self, runner: EnsembleRunner, settings: AssimilationSettings) -> None:
        self._runner, self._settings = runner, settings
        self._together = together_on(runner, settings.localisation)
        self._filter: Filter | None = filter_from(
            settings.filter, settings.members, local=settings.localisation is not None
        )
        self._draws = np.zeros(1)
        self.stores = Stores(runner, settings.update)
        self._disturbances = Disturbances(
            runner, settings.perturbations, self.stores, settings.seed, self._draws
        )
        places, seconds = len(runner.ids), runner.operation.seconds
        self.inboxes: dict[str, Inbox] = {}
        for name, one in settings.observed.items():
            short = output_named(runner, name)
            box = self.inboxes[short] = Inbox(short, one, runner.size, places, seconds)
            if one.remaining is not None:
                box.keep(_remainder(one.remaining, runner, short, one))
        self.increments = {s.name: np.zeros(places) for s in self.stores.every}
        balances = runner.stages.balances
        self.assimilated = {b.budget: np.zeros(places) for b in balances}
        self.analysed = {name: np.full(places, np.nan) for name in self.inboxes}
        self.expected = {name: np.full(places, np.nan) for name in self.inboxes}
        self.innovations = Innovations(runner.ids, tuple(self.inboxes))
        self.memory: Mapping[str, Array] = {
            "draws": self._draws,
            **self._disturbances.memory,
            **{n: x for box in self.inboxes.values() for n, x in box.memory.items()},
            **{f"assimilated.{n}": x for n, x in self.assimilated.items()},
            **{f"increment.{n}": x for n, x in self.increments.items()},
            **{f"analysed.{n}": x for n, x in self.analysed.items()},
            **{f"expected.{n}": x for n, x in self.expected.items()},
        }
        self._idle = True
        self.source: Source | None = None

    # What a driver does

    def parameterize(self) -> None:
        """Let the parameters of the members differ."""
        self._disturbances.parameterize()
        for box in self.inboxes.values():
            if box.remainder is not None:
                box.remainder.parameterize()

    def disturb(self) -> None:
        """Let forcing and stores of the members differ before a step."""
        self._disturbances.step()

    def analyse(self) -> None:
        """Keep what the members predict, and correct them where something was observed.

        Places whose analysis gives numbers that are none keep the forecast.
        """
        runner = self._runner
        members = runner.members
        for name, box in self.inboxes.items():
            predicted = box.predict(runner.each(members.output[name]))
            self.expected[name][:] = mean_of(box.expected(predicted))
        if not self._idle:
            for added in self.increments.values():
                added.fill(0.0)
            self._idle = True
        if self.source is not None:
            now = runner.clock.seconds_since_1970() + runner.clock.seconds
            self.source.bring(self.inboxes, now, runner.clock.seconds)
        if any(box.waiting for box in self.inboxes.values()):
            self._analyse()
        for name, box in self.inboxes.items():
            self.analysed[name][:] = mean_of(box.unscaled(box.window[0]))
        self._draws += 1.0

    def hold(self, until: float) -> None:
        """Let values that were given without a time hold at one, and wait for it.

        Parameters
        ----------
        until : float
            Such as the end of a step of a host that makes several of the model, seconds
            since 1970.
        """
        for box in self.inboxes.values():
            box.valid[~np.isnan(box.value) & np.isnan(box.valid)] = until

    def _analyse(self) -> None:
        clock = self._runner.clock
        now = clock.seconds_since_1970() + clock.seconds
        boxes = list(self.inboxes.values())
        batches = [box.take(now) for box in boxes]
        before = [self._look(box, one) for box, one in zip(boxes, batches, strict=True)]
        usable = np.any([one.status == USED for one in batches], axis=0)
        at = np.flatnonzero(usable)
        if at.size and self._filter is not None:
            self._update(at, boxes, batches)
            self._idle = False
        for k, (box, one) in enumerate(zip(boxes, batches, strict=True)):
            box.mark(one)
            if box.remainder is not None:
                misfit = before[k]
                here: Indices = misfit["at"].astype(np.intp, copy=False)
                box.remainder.update(
                    here, misfit["innovation"], misfit["spread"], one.error[here],
                    (one.status[here] == USED) & (one.age[here] == 0),
                )  # fmt: skip
            self._write_down(k, box, one, before[k], now)

    def _look(self, box: Inbox, batch: DueValues) -> dict[str, Array]:
        """Compare values with predictions; what is too far off is absurd."""
        at = np.flatnonzero(batch.status != NONE)
        predicted = box.predicted(batch, at)[..., None]
        observation = Observation(
            batch.value[at][:, None],
            np.where(np.isnan(batch.error[at]), 1.0, batch.error[at])[:, None],
        )
        limit = box.settings.gross_error
        if limit is not None:
            good = screened(observation, predicted, limit).valid[:, 0]
            gross = observation.valid[:, 0] & ~good
            batch.status[at[gross]] = ABSURD
            batch.value[at[gross]] = np.nan
        mean = mean_of(np.moveaxis(predicted[..., 0], -1, 0))
        spread = predicted[..., 0].std(-1, ddof=min(1, self._runner.size - 1))
        innovation = observation.value[:, 0] - mean
        return {
            "at": at,
            "innovation": innovation,
            "spread": spread,
            "predicted": box.unscaled(mean),
            "chi_square": innovation**2 / (spread**2 + batch.error[at] ** 2),
        }

    def _update(
        self, at: Indices, boxes: list[Inbox], batches: list[DueValues]
    ) -> None:
        """Analyse places, some at a time, and book what that adds to their stores."""
        if self._together is not None:
            self._update_some(np.arange(len(self._runner.ids)), boxes, batches)
            return
        moved = len(self._disturbances.updated)
        entries = self.stores.size + moved + sum(len(box.window) for box in boxes)
        block = max(1, _NUMBERS // (entries * self._runner.size))
        for first in range(0, at.size, block):
            some = at[first : first + block]
            self._update_some(some, boxes, batches)

    def _update_some(
        self, at: Indices, boxes: list[Inbox], batches: list[DueValues]
    ) -> None:
        places = places_of(at)
        stores = self.stores.gathered(places)
        lasting = self._disturbances.updated
        deviations = [x[:, at].T[..., None] for x in lasting]
        # Before the first step there are no predictions, and nothing moves with them.
        windows = [
            np.nan_to_num(np.transpose(box.window[:, :, at], (2, 1, 0)))
            for box in boxes
        ]
        whole = np.concatenate([stores, *deviations, *windows], axis=2)
        if self._together is None:
            after = self._one_by_one(whole, at, boxes, batches)
        else:
            after = self._as_one(whole, boxes, batches)
        sound = np.asarray(np.isfinite(after).all(axis=(1, 2)))
        if not sound.all():
            self._keep(at[~sound], batches)
        after = np.where(sound[:, None, None], after, whole)
        width = stores.shape[2]

        def change() -> None:
            self.stores.put(whole[..., :width], after[..., :width], places)

        for name, added in self.stores.booked(change, places).items():
            self.increments[name][at] = added
        self._count(at)
        for array in lasting:
            array[:, at] = after[..., width].T
            width += 1
        for box in boxes:
            steps = len(box.window)
            box.amend(at, np.transpose(after[..., width : width + steps], (2, 1, 0)))
            width += steps

    def _one_by_one(
        self, whole: Array, at: Indices, boxes: list[Inbox], batches: list[DueValues]
    ) -> Array:
        """Return the analysis of places, (place, member, entry), each by itself."""
        predicted = np.stack(
            [box.predicted(one, at) for box, one in zip(boxes, batches, strict=True)],
            -1,
        )
        value = np.stack([one.value[at] for one in batches], -1)
        error = np.stack([one.error[at] for one in batches], -1)
        observation = Observation(value, np.where(np.isnan(error), 1.0, error))
        predicted = np.nan_to_num(predicted)
        limits = [box.settings.innovation_limit for box in boxes]
        return self._analysed(whole, predicted, limited(observation, predicted, limits))

    def _as_one(
        self, whole: Array, boxes: list[Inbox], batches: list[DueValues]
    ) -> Array:
        """Return the analysis of all places, (place, member, entry), as one state."""
        assert self._together is not None
        observed = [np.flatnonzero(one.status == USED) for one in batches]
        pairs = list(zip(boxes, batches, observed, strict=True))
        ensemble, predicted, observation = as_one(
            whole,
            [box.predicted(one, at).T for box, one, at in pairs],
            [Observation(one.value[at], one.error[at]) for _, one, at in pairs],
        )
        limits = [
            box.settings.innovation_limit
            for box, _, at in pairs
            for _ in range(at.size)
        ]
        observation = limited(observation, predicted, limits)
        weights = self._together.weights(np.concatenate(observed))
        places, members, entries = whole.shape
        after = self._analysed(ensemble, predicted, observation, weights)
        return np.transpose(after.reshape(members, places, entries), (1, 0, 2))

    def _analysed(
        self,
        forecast: Array,
        predicted: Array,
        observation: Observation,
        weights: Array | None = None,
    ) -> Array:
        assert self._filter is not None
        draw = int(self._draws[0])
        rng = generator_of(self._settings.seed, draw, _OF_FILTERS)
        after = self._filter.analyse(
            forecast, predicted, observation, taper=weights, generator=rng
        )
        after = _relaxed(after, forecast, self._settings.inflation)
        if weights is None:
            return after
        # What is near nothing observed has no spread to be kept.
        near = np.repeat((weights > 0.0).any(axis=1), after.shape[-1] // len(weights))
        return np.where(near, after, forecast)

    def _keep(self, at: Indices, batches: list[DueValues]) -> None:
        for one in batches:
            failed = at[one.status[at] == USED]
            one.status[failed] = FAILED
        name = self._runner.ids[int(at[0])]
        warn_once(
            _log, "analysis failed",
            "the analysis at %r gives numbers that are none; the forecast is kept",
            name,
        )  # fmt: skip

    def _count(self, at: Indices) -> None:
        """Add what was booked of an analysis to the sums since the start."""
        for balance in self._runner.stages.balances:
            total = self.assimilated[balance.budget]
            for part, state in balance.storages:
                for store in self.stores.every:
                    if (store.part.name, store.state.name) == (part, state):
                        added = self.increments[store.name][at] / store.factor
                        total[at] += balance.shares.get(part, 1.0) * added

    def _write_down(
        self,
        quantity: int,
        box: Inbox,
        batch: DueValues,
        before: dict[str, Any],
        now: float,
    ) -> None:
        at = before.pop("at")
        after = box.predicted(batch, at)
        self.innovations.add(
            quantity,
            {
                "time": np.full(at.size, now),
                "valid_time": batch.valid[at],
                "place": at,
                "status": batch.status[at],
                "observed": batch.raw[at],
                "error": batch.error[at],
                "analysed": box.unscaled(mean_of(np.moveaxis(after, -1, 0))),
                **before,
            },
        )


def _remainder(
    settings: RemainderSettings,
    runner: EnsembleRunner,
    name: str,
    observed: ObservedQuantity,
) -> Remainder | LearnedRemainder:
    """Return what keeps an error beside the members."""
    if settings.bundle is None:
        return Remainder(settings, len(runner.ids), runner.operation.seconds)
    return LearnedRemainder(settings, runner, name, observed)


def _relaxed(after: Array, forecast: Array, how: Relaxation | None) -> Array:
    if how is None or after.shape[-2] == 1:
        return after
    if how.name == "multiplicative":
        return inflated(after, how.factor)
    return (rtps if how.name == "rtps" else rtpp)(after, forecast, how.factor)


def output_named(runner: EnsembleRunner, name: str) -> str:
    """Return the output of a name, standard or short.

    Raises
    ------
    ConfigError
        When there is none.
    """
    outputs = {}
    for (part, short), buffer in runner.stages.buffers.items():
        if buffer in runner.output:
            declared = runner.operation.plan[part].declared(runner.operation.inner)
            for variable in declared.outputs:
                if variable.name == short:
                    outputs[variable.standard_name or buffer] = buffer
            outputs[buffer] = buffer
    if name not in outputs:
        raise ConfigError(f"observed: no output {name!r}{suggestion(name, outputs)}")
    return outputs[name]
