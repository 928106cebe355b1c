"""Samples and windows: what is cut, what is set aside, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.config import convert
from bmi_dmx.errors import DataError
from bmi_dmx.trainer.tasks.arrays import evaluate as opening
from bmi_dmx.trainer.tasks.arrays.experiment import Experiment, Split
from bmi_dmx.trainer.tasks.arrays.samples import Samples, Stretch
from bmi_dmx.trainer.tasks.arrays.windows import WindowSampler

from . import systems
from .systems import EXPERIMENTS, heated, turbulent


def opened(name: str) -> Samples:
    samples, _ = opening.opened(convert(EXPERIMENTS[name], Experiment))
    return samples


def changed(
    monkeypatch: pytest.MonkeyPatch, source: Callable[[], dict[str, Any]]
) -> Samples:
    monkeypatch.setattr(systems, "heated", source)
    return opened("heated")


def test_windows_of_places_are_cut_from_the_series() -> None:
    samples, arrays = opened("heated"), heated()
    batch = samples.cut(np.array([5, 0]), np.array([3, 20]), 4, 6)
    around = batch["forcing"]["around"].numpy()
    np.testing.assert_allclose(around[:, 0], arrays["forcing"]["around"][3:13, 5])
    np.testing.assert_allclose(around[:, 1], arrays["forcing"]["around"][20:30, 0])
    gain = batch["targets"]["gain"].numpy()
    np.testing.assert_allclose(
        gain[:, 0], arrays["targets"]["gain"][7:13, 5], rtol=1e-6
    )
    sizes = arrays["attributes"]["size"][[5, 0]]
    np.testing.assert_allclose(batch["attributes"]["size"], sizes, rtol=1e-6)
    assert batch["state"] == {}


def test_windows_of_fields_start_from_the_state_before_them() -> None:
    samples, arrays = opened("turbulent"), turbulent()
    assert (samples.steps, samples.count, samples.whole) == (80, 3, True)
    batch = samples.cut(np.array([2, 1]), np.array([0, 40]), 0, 8)
    assert batch["targets"]["x"].shape == (8, 2, 12)
    state = batch["state"]["ring.x"].numpy()
    np.testing.assert_allclose(state[1], arrays["targets"]["x"][39, 1], rtol=1e-6)


def test_the_end_of_the_series_is_set_aside() -> None:
    parts = Stretch.split(opened("heated"), Split(validation=0.25, test=0.1))
    stretches = {name: (part.first, part.last) for name, part in parts.items()}
    assert stretches == {"train": (0, 39), "validation": (39, 54), "test": (54, 60)}


def test_places_are_set_aside_evenly() -> None:
    samples = opened("heated")
    split = Split(of="places", validation=0.25, test=0.25)
    parts = Stretch.split(samples, split)
    sizes = {n: p.known.attributes["size"].tolist() for n, p in parts.items()}
    everything = sorted(size for some in sizes.values() for size in some)
    assert everything == samples.attributes["size"].tolist()
    assert {name: len(some) for name, some in sizes.items()} == {
        "train": 4, "validation": 2, "test": 2,
    }  # fmt: skip
    assert min(sizes["validation"]) < 0.5 < max(sizes["validation"])


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (Split(validation=0.001), r"split\.validation: 0\.001 of 60 time steps"),
        (Split(of="places", test=0.9, validation=0.05), r"split\.\w+: .* of 8 samples"),
    ],
)
def test_too_little_cannot_be_split(split: Split, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Stretch.split(opened("heated"), split)


def test_what_has_no_states_is_one_window_warmed_up_before_it_counts() -> None:
    part = Stretch.split(opened("heated"), Split(validation=0.25))["validation"]
    batches = list(part.windows(10, 15, 3))
    assert [b["forcing"]["around"].shape for b in batches] == [
        (25, 3), (25, 3), (25, 2),
    ]  # fmt: skip
    expected = heated()["forcing"]["around"][35:60]
    around = torch.cat([b["forcing"]["around"] for b in batches], 1)
    np.testing.assert_allclose(around, expected, rtol=1e-6)
    assert batches[0]["targets"]["gain"].shape == (15, 3)


def test_at_the_beginning_the_warmup_is_not_scored() -> None:
    whole = Stretch.whole(opened("heated"))
    (batch,) = whole.windows(10, 15, 99)
    assert batch["targets"]["gain"].shape == (50, 8)
    with pytest.raises(DataError, match=r"training\.warmup: 60 time steps leave"):
        next(whole.windows(60, 15, 99))


def test_what_has_states_is_covered_by_windows_as_in_training() -> None:
    part = Stretch.split(opened("turbulent"), Split(test=0.25))["test"]
    batches = list(part.windows(0, 8, 4))
    # 20 steps hold two windows of 8, for each of 3 series.
    assert sum(b["targets"]["x"].shape[1] for b in batches) == 6
    target = turbulent()["targets"]["x"]
    windows = torch.cat([b["targets"]["x"] for b in batches], 1).numpy()
    np.testing.assert_allclose(windows[:, :3], target[60:68], rtol=1e-6)
    np.testing.assert_allclose(windows[:, 3:], target[68:76], rtol=1e-6)


def test_a_window_must_fit_and_be_observed() -> None:
    samples = opened("heated")
    keys = {"size": 2, "steps": 1, "seed": 0}
    with pytest.raises(DataError, match=r"50 \+ 11 steps do not fit into the 60"):
        WindowSampler(samples, warmup=50, length=11, **keys)
    blind = {n: torch.full_like(x, torch.nan) for n, x in samples.targets.items()}
    unseen = Samples(samples.forcing, samples.attributes, blind, {}, False)
    with pytest.raises(DataError, match="no target is observed after the warm-up"):
        WindowSampler(unseen, warmup=5, length=11, **keys)


def spoiled(kind: str, name: str, values: Any) -> Callable[[], dict[str, Any]]:
    def made() -> dict[str, Any]:
        arrays = heated()
        arrays[kind] = {**arrays[kind], name: values(arrays[kind][name])}
        return arrays

    return made


def put(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def into(x: np.ndarray) -> np.ndarray:
        x = np.array(x)
        x[(3, 2) if x.ndim == 2 else 2] = value
        return x

    return into


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (spoiled("forcing", "around", put(np.nan)),
         "forcing 'around' is nan at time step 3 of sample 2, expected a number"),
        (spoiled("targets", "gain", put(np.inf)), "target 'gain' is inf at time step"),
        (spoiled("attributes", "size", put(np.nan)), "attribute 'size' is not a num"),
        (spoiled("forcing", "around", lambda x: x[:50]),
         "target 'gain' has 60 time steps of 8 samples, expected 50|expected 60 of 8"),
        (spoiled("forcing", "around", lambda x: x[:, :, None]),
         r"forcing 'around' has shape \(60, 8, 1\), expected \(time\) or \(time, samp"),
        (spoiled("attributes", "size", lambda x: x[:3]),
         r"attribute 'size' has shape \(3,\), expected one value for each of 8"),
        (spoiled("targets", "gain", lambda x: np.nan * x),
         "target 'gain' is observed nowhere"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_named(
    monkeypatch: pytest.MonkeyPatch, made: Callable[[], dict[str, Any]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        changed(monkeypatch, made)


def test_a_number_is_the_attribute_of_every_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = changed(monkeypatch, spoiled("attributes", "size", lambda x: 2.0))
    assert samples.attributes["size"].tolist() == [2.0] * 8
