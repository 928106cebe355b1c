"""Windows drawn to learn from, and a model run over them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ....compose import Model
from ....errors import DataError
from ...sampler import Sampler, usable_windows
from .gaps import Gaps
from .samples import Batch, Positions, Samples

__all__ = ["WindowSampler", "simulate"]


class WindowSampler(Sampler[Batch]):
    """Random windows of random samples, observed after their warm-up.

    Parameters
    ----------
    samples : Samples
        What windows are cut from.
    warmup, length : int
        Time steps of warm-up, and after it.
    size, steps, seed : int
        As of :class:`~bmi_dmx.trainer.sampler.Sampler`.
    gaps : Gaps, optional
        What is hidden of them.

    Raises
    ------
    DataError
        A window does not fit, or none is observed.
    """

    def __init__(
        self,
        samples: Samples,
        *,
        warmup: int,
        length: int,
        size: int,
        steps: int,
        seed: int,
        gaps: Gaps | None = None,
    ) -> None:
        self.samples, self.warmup, self.length = samples, warmup, length
        self.gaps = gaps
        if samples.steps < warmup + length:
            raise DataError(
                f"training.warmup and training.window: {warmup} + {length} steps do not"
                f" fit into the {samples.steps} steps to learn from"
            )
        usable = usable_windows(samples.observed, warmup, length)
        if not usable.any():
            raise DataError("no target is observed after the warm-up of a window")
        super().__init__(usable, size=size, steps=steps, seed=seed)

    def cut(self, place: Positions, start: Positions) -> Batch:
        """Return the windows of a batch."""
        batch = self.samples.cut(place, start, self.warmup, self.length)
        if self.gaps is not None:
            self.gaps.hide(batch["forcing"], self.generator)
        return batch


def simulate(
    model: Model,
    batch: Batch,
    warmup: int,
    outputs: Sequence[str],
    warmup_gradient: bool = False,
) -> dict[str, Tensor]:
    """Run a model over windows.

    Parameters
    ----------
    model : Model
        The model, where the batch is.
    batch : Batch
        The windows.
    warmup : int
        Time steps at their beginning, without answer.
    outputs : sequence of str
        What to record.
    warmup_gradient : bool
        Whether the gradient reaches back through the warm-up.

    Returns
    -------
    dict of str to Tensor
        (L, B, *field).
    """
    if all(part.coupling != "upstream" for part in model.plan.parts):
        return _run(model, batch, warmup, outputs, warmup_gradient)
    # Places that feed others have no second axis: windows run one after the other.
    windows = next(iter(batch["targets"].values())).shape[1]
    runs = [
        _run(model, _only(batch, at), warmup, outputs, warmup_gradient)
        for at in range(windows)
    ]
    return {name: torch.stack([f[name] for f in runs], 1) for name in outputs}


def _run(
    model: Model,
    batch: Batch,
    warmup: int,
    outputs: Sequence[str],
    warmup_gradient: bool,
) -> dict[str, Tensor]:
    steps = len(batch["steps"])
    state: dict[str, Tensor] | None = None
    if batch["state"] or not batch["forcing"]:
        target = next(iter(batch["targets"].values()))
        state = model.initial_state(target.shape[1])
        for name, x in batch["state"].items():
            # All members start alike.
            alike = x.ndim < state[name].ndim
            state[name] = x.unsqueeze(-1).expand_as(state[name]) if alike else x
    return model.simulate(
        batch["forcing"],
        batch["attributes"],
        state=state,
        warmup=warmup,
        warmup_gradient=warmup_gradient,
        steps=None if batch["forcing"] else steps,
        outputs=outputs,
    ).outputs


def _only(batch: Batch, at: int) -> Batch:
    """Return one window, as places without an axis of windows."""
    return Batch(
        forcing={name: x[:, at] for name, x in batch["forcing"].items()},
        attributes=batch["attributes"],
        targets={name: x[:, at] for name, x in batch["targets"].items()},
        state={name: x[at] for name, x in batch["state"].items()},
        spread=batch["spread"],
        steps=batch["steps"],
    )
