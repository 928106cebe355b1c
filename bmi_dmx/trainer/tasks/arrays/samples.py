"""Series as tensors: what serves training, validation and test, cut into windows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....compose import Plan
from ....errors import DataError
from ....space import Space
from ....variables import Variable
from .experiment import Split
from .source import Arrays

__all__ = ["Batch", "Positions", "Samples", "Stretch"]

Positions = NDArray[np.intp]


class Batch(TypedDict):
    """Windows, float32; B of them.

    ``forcing``
        By name, ``(W + L, B, *field)``: warm-up first.
    ``attributes``
        By name, ``(B,)``; where windows are of whole fields, as the source gives them.
    ``targets``
        By name, ``(L, B, *field)``, after the warm-up; NaN is missing.
    ``state``
        By name, ``(B, *field)``: before the first step. Empty where the source gives
        none.
    ``spread``
        By name, ``(B,)``: what errors of the targets are measured in; empty where that
        is the same everywhere.
    ``steps``
        ``(W + L,)``, so that windows without forcing have a length.
    """

    forcing: dict[str, Tensor]
    attributes: dict[str, Tensor]
    targets: dict[str, Tensor]
    state: dict[str, Tensor]
    spread: dict[str, Tensor]
    steps: Tensor


@dataclass(frozen=True)
class Samples:
    """Series of independent samples.

    A sample is a place where places do not see each other, else a whole field.

    Parameters
    ----------
    forcing, targets, states : mapping of str to Tensor
        (time, sample, *field), float32.
    attributes : mapping of str to Tensor
        (sample,), or as the source gives them where samples are fields.
    whole : bool
        Whether samples are fields.
    spread : mapping of str to Tensor
        (sample,) what errors of targets are measured in, where that differs.
    """

    forcing: Mapping[str, Tensor]
    attributes: Mapping[str, Tensor]
    targets: Mapping[str, Tensor]
    states: Mapping[str, Tensor]
    whole: bool
    spread: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, arrays: Arrays, plan: Plan, space: Space | None) -> Samples:
        """Return the samples of a model, of one length and number.

        Raises
        ------
        DataError
            A shape is not that of the space, or does not fit the others; an input is
            not a number; or nothing is observed.
        """
        whole = any(part.coupling != "cells" for part in plan.parts)
        declared = {
            **{f.name: f for f in plan.forcings},
            **{name: variable for name, (_, variable) in plan.outputs.items()},
            **{
                f"{part.name}.{s.name}": s
                for part in plan.processes
                for s in part.variables.states
            },
        }

        def tensors(
            kind: str, values: Mapping[str, NDArray[np.float64]]
        ) -> dict[str, Tensor]:
            return {
                name: _sampled(
                    f"{kind} {name!r}", x, _field(declared[name], space, whole)
                )
                for name, x in values.items()
            }

        series = cls(
            forcing=tensors("forcing", arrays.forcing),
            attributes={},
            targets=tensors("target", arrays.targets),
            states=tensors("state", arrays.states),
            whole=whole,
        )
        series._check()
        attributes = {
            name: _attribute(name, x, None if whole else series.count)
            for name, x in arrays.attributes.items()
        }
        return replace(series, attributes=attributes)

    @property
    def steps(self) -> int:
        """Number of time steps."""
        return len(next(iter(self.targets.values())))

    @property
    def count(self) -> int:
        """Number of samples."""
        return next(iter(self.targets.values())).shape[1]

    @property
    def observed(self) -> NDArray[np.bool_]:
        """Where any target is known, (time, sample)."""
        masks = [
            (~x.isnan()).reshape(*x.shape[:2], -1).any(-1)
            for x in self.targets.values()
        ]
        observed: NDArray[np.bool_] = torch.stack(masks).any(0).numpy()
        return observed

    def _check(self) -> None:
        if not self.targets:
            raise DataError("data.targets: the source gives none")
        expected = (self.steps, self.count)
        kinds = {
            "forcing": self.forcing, "target": self.targets, "state": self.states,
        }  # fmt: skip
        for kind, values in kinds.items():
            for name, x in values.items():
                if tuple(x.shape[:2]) != expected:
                    raise DataError(
                        f"{kind} {name!r} has {x.shape[0]} time steps of {x.shape[1]}"
                        f" samples, expected {expected[0]} of {expected[1]}"
                    )
                bad = x.isinf() if kind == "target" else ~x.isfinite()
                if bad.any():
                    step, sample, *_ = bad.nonzero()[0].tolist()
                    value = x[tuple(bad.nonzero()[0].tolist())].item()
                    raise DataError(
                        f"{kind} {name!r} is {value} at time step {step} of sample"
                        f" {sample}, expected a number"
                    )
        for name, x in self.targets.items():
            if x.isnan().all():
                raise DataError(f"target {name!r} is observed nowhere")

    def part(self, steps: slice, samples: Positions) -> Samples:
        """Return some time steps of some samples."""

        def chosen(values: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return {name: x[steps][:, samples] for name, x in values.items()}

        return Samples(
            chosen(self.forcing),
            self.attributes
            if self.whole
            else {name: x[samples] for name, x in self.attributes.items()},
            chosen(self.targets),
            chosen(self.states),
            self.whole,
            {name: x[samples] for name, x in self.spread.items()},
        )

    def cut(
        self, sample: Positions, start: Positions, warmup: int, length: int
    ) -> Batch:
        """Return windows.

        Parameters
        ----------
        sample, start : (B,) array of int
            Positions of the samples, and of the first time step, warm-up included.
        warmup, length : int
            Time steps of warm-up, and after it.
        """
        at, begin = torch.as_tensor(sample), torch.as_tensor(start)
        window = torch.arange(warmup + length)
        times = begin + window[:, None]
        return Batch(
            forcing={name: x[times, at] for name, x in self.forcing.items()},
            attributes=dict(self.attributes)
            if self.whole
            else {name: x[at] for name, x in self.attributes.items()},
            targets={name: x[times[warmup:], at] for name, x in self.targets.items()},
            state={name: x[begin, at] for name, x in self.states.items()},
            spread={name: x[at] for name, x in self.spread.items()},
            steps=window,
        )

    def share(self, batch: Batch, first: int, last: int) -> Batch:
        """Return the windows of a batch from one to another, the last not included."""
        at = slice(first, last)
        return Batch(
            forcing={name: x[:, at] for name, x in batch["forcing"].items()},
            attributes=batch["attributes"]
            if self.whole
            else {name: x[at] for name, x in batch["attributes"].items()},
            targets={name: x[:, at] for name, x in batch["targets"].items()},
            state={name: x[at] for name, x in batch["state"].items()},
            spread={name: x[at] for name, x in batch["spread"].items()},
            steps=batch["steps"],
        )

    def fingerprint(self) -> str:
        """Return a hash of all numbers."""
        digest = hashlib.sha256()
        for values in (self.forcing, self.attributes, self.targets, self.states):
            for name, x in values.items():
                digest.update(name.encode())
                digest.update(x.contiguous().numpy().data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Stretch:
    """What serves one purpose: some samples over some of the time.

    Parameters
    ----------
    samples : Samples
        The samples, over all time.
    first, last : int
        Time steps that count, the last not included.
    """

    samples: Samples
    first: int
    last: int

    @classmethod
    def split(cls, samples: Samples, split: Split) -> dict[str, Stretch]:
        """Return what serves training, validation and test, as far as it is there.

        Raises
        ------
        DataError
            There are too few samples or time steps for that.
        """
        shares = {"validation": split.validation, "test": split.test}
        total = samples.steps if split.of == "time" else samples.count
        counts = {name: round(share * total) for name, share in shares.items() if share}
        for name, count in counts.items():
            if not count or sum(counts.values()) >= total:
                what = "time steps" if split.of == "time" else "samples"
                raise DataError(
                    f"split.{name}: {shares[name]:g} of {total} {what} cannot be set"
                    " aside"
                )
        if split.of == "time":
            ends = total - sum(counts.values())
            stretches = {"train": cls(samples, 0, ends)}
            for name, count in counts.items():
                stretches[name] = cls(samples, ends, ends + count)
                ends += count
            return stretches
        remaining = np.arange(total)
        stretches = {}
        for name, count in counts.items():
            at = ((np.arange(count) + 0.5) * len(remaining) / count).astype(np.intp)
            stretches[name] = cls.whole(samples.part(slice(None), remaining[at]))
            remaining = np.delete(remaining, at)
        return {"train": cls.whole(samples.part(slice(None), remaining)), **stretches}

    @classmethod
    def whole(cls, samples: Samples) -> Stretch:
        """Return samples over all time."""
        return cls(samples, 0, samples.steps)

    @property
    def known(self) -> Samples:
        """The samples within the time that counts."""
        everything = np.arange(self.samples.count)
        return self.samples.part(slice(self.first, self.last), everything)

    def windows(self, warmup: int, length: int, at_once: int) -> Iterator[Batch]:
        """Yield windows that cover what counts.

        Where states are given they have the length that is learned, one after the
        other, each from its state. Else there is one long window, warmed up before the
        time that counts, or at its beginning where nothing lies before it.

        Parameters
        ----------
        warmup, length : int
            Time steps of warm-up and after it, as in training.
        at_once : int
            Most windows in a batch.
        """
        first = max(self.first, warmup)
        length = (
            min(length, self.last - first) if self.samples.states else self.last - first
        )
        if length < 1:
            raise DataError(
                f"training.warmup: {warmup} time steps leave nothing of the time steps"
                f" {self.first} to {self.last} that are to be scored"
            )
        starts = np.arange(first, self.last - length + 1, length) - warmup
        sample, start = np.meshgrid(np.arange(self.samples.count), starts)
        for at in range(0, sample.size, at_once):
            block = slice(at, at + at_once)
            yield self.samples.cut(
                sample.ravel()[block], start.ravel()[block], warmup, length
            )


def _field(variable: Variable, space: Space | None, whole: bool) -> tuple[int, ...]:
    return space.shape(variable) if whole and space is not None else ()


def _sampled(what: str, values: NDArray[np.float64], shape: tuple[int, ...]) -> Tensor:
    """Return (time, sample, *field); one sample where the axis is not there."""
    x = torch.from_numpy(np.array(values, dtype=np.float32))
    if x.ndim == 1 + len(shape):
        x = x.unsqueeze(1)
    if x.ndim != 2 + len(shape) or tuple(x.shape[2:]) != shape or not x.numel():
        axes = "".join(f", {n}" for n in shape)
        raise DataError(
            f"{what} has shape {np.shape(values)}, expected (time{axes}) or"
            f" (time, sample{axes})"
        )
    return x


def _attribute(name: str, values: NDArray[np.float64], count: int | None) -> Tensor:
    x = torch.from_numpy(np.array(values, dtype=np.float32))
    if not x.isfinite().all():
        raise DataError(f"attribute {name!r} is not a number everywhere")
    if count is None:
        return x
    if x.ndim == 0:
        x = x.expand(count).contiguous()
    if tuple(x.shape) != (count,):
        raise DataError(
            f"attribute {name!r} has shape {tuple(x.shape)}, expected one value for"
            f" each of {count} places"
        )
    return x
