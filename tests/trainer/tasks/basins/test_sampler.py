"""Windows and blocks: what is in a batch, how it is drawn, how it goes on."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from bmi_dmx.errors import DataError, StateError
from bmi_dmx.trainer.tasks.basins.sampler import BasinBlocks, Windows, WindowSampler

FORCINGS = ("precipitation", "day_of_year", "air_temperature")
ATTRIBUTES = ("latitude", "area_km2")


@pytest.fixture
def sampler(make_data):
    def build(data=None, **keys):
        keys = {"warmup": 30, "length": 60, "basins": 4, "steps": 5, "seed": 3, **keys}
        data = make_data(basins=6) if data is None else data
        return WindowSampler(data, FORCINGS, ATTRIBUTES, **keys)

    return build


def flatten(batch):
    parts = [*batch["forcing"].values(), *batch["attributes"].values()]
    return [*parts, batch["target"], batch["basin"]]


def same(one, other):
    pairs = zip(flatten(one), flatten(other), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_windows_are_cut_from_the_series(make_data):
    data = make_data(basins=5)
    windows = Windows(data, FORCINGS, ATTRIBUTES)
    basin, start = np.array([4, 0, 4]), np.array([0, 17, 640])
    batch = windows.cut(basin, start, 30, 60)
    for column, (b, s) in enumerate(zip(basin, start, strict=True)):
        days = slice(s, s + 90)
        for name in ("precipitation", "air_temperature"):
            series = batch["forcing"][name][:, column].numpy()
            np.testing.assert_array_equal(series, data.forcing[name][days, b])
        clock = batch["forcing"]["day_of_year"][:, column].numpy()
        np.testing.assert_array_equal(clock, data.day_of_year()[days])
        target = batch["target"][:, column].numpy()
        np.testing.assert_array_equal(target, data.target[s + 30 : s + 90, b])
        latitude = batch["attributes"]["latitude"][column].item()
        assert latitude == pytest.approx(data.attributes["latitude"][b])
    assert set(batch["forcing"]) == set(FORCINGS)
    assert batch["basin"].tolist() == [4, 0, 4]


def test_tensors_are_contiguous_single_precision(sampler):
    for values in flatten(sampler().draw())[:-1]:
        assert values.is_contiguous()
        assert values.dtype == torch.float32


def test_seed_determines_the_sequence(sampler):
    first, second, other = list(sampler()), list(sampler()), list(sampler(seed=4))
    assert len(first) == 5
    assert all(same(a, b) for a, b in zip(first, second, strict=True))
    assert not same(first[0], other[0])
    assert not same(first[0], first[1])


def test_restored_state_continues_with_the_very_same_batches(sampler):
    through = sampler()
    batches = [through.draw() for _ in range(7)]
    interrupted = sampler()
    for _ in range(3):
        interrupted.draw()
    saved = json.loads(json.dumps(interrupted.state_dict()))
    resumed = sampler(seed=99)
    resumed.load_state_dict(saved)
    assert all(same(resumed.draw(), batch) for batch in batches[3:])


@pytest.mark.parametrize("state", [{}, {"generator": {"bit_generator": "MT19937"}}])
def test_foreign_state_is_refused(sampler, state):
    with pytest.raises(StateError, match="state of a sampler"):
        sampler().load_state_dict(state)


def test_basins_of_a_batch_differ_as_long_as_possible(sampler):
    for batch in sampler():
        assert len(set(batch["basin"].tolist())) == 4
    counts = np.bincount(sampler(basins=15).draw()["basin"].numpy(), minlength=6)
    assert counts.sum() == 15
    assert set(counts) == {2, 3}


def test_basins_and_starts_are_equally_likely(sampler, make_data):
    draws = sampler(make_data(basins=6, days=100), basins=3, steps=2000)
    basins, starts = [], []
    for batch in draws:
        basins.extend(batch["basin"].tolist())
        starts.extend((batch["forcing"]["day_of_year"][0] - 1).tolist())
    # 6000 draws: expected counts 1000 and 545 (11 starts); four standard deviations.
    assert np.abs(np.bincount(basins) - 1000).max() < 120
    counts = np.bincount(np.array(starts, dtype=int))
    assert counts.size == 11
    assert np.abs(counts - 6000 / 11).max() < 95


def test_windows_without_observation_are_never_drawn(sampler, make_data):
    data = make_data(basins=4, days=200)
    target = np.full_like(data.target, np.nan)
    target[120, 0] = 1.0  # one day in basin 0, all days in basin 1
    target[:, 1] = 2.0
    target[:29, 2] = 3.0  # only ever within the warm-up
    draws = list(sampler(replace(data, target=target), basins=2, steps=200))
    assert {b for batch in draws for b in batch["basin"].tolist()} == {0, 1}
    assert all(torch.isfinite(b["target"]).any(dim=0).all() for b in draws)


def test_nothing_observed_is_refused(sampler, make_data):
    data = make_data()
    empty = replace(data, target=np.full_like(data.target, np.nan))
    with pytest.raises(DataError, match="no basin is observed at a step"):
        sampler(empty)


def test_window_longer_than_the_data_is_refused(sampler, make_data):
    sampler(make_data(days=90)).draw()  # fits exactly once
    with pytest.raises(DataError, match=r"30 \+ 60 steps does not fit into 89 steps"):
        sampler(make_data(days=89))


def test_missing_names_are_refused(make_data):
    with pytest.raises(DataError, match="no forcing 'wind'"):
        Windows(make_data(), ("wind",), ())


def test_blocks_cover_all_basins_once_in_order(make_data):
    data = make_data(basins=7, days=50)
    blocks = list(BasinBlocks(data, FORCINGS, ATTRIBUTES, warmup=10, basins=3))
    assert [b["basin"].tolist() for b in blocks] == [[0, 1, 2], [3, 4, 5], [6]]
    joined = torch.cat([b["target"] for b in blocks], dim=1).numpy()
    np.testing.assert_array_equal(joined, data.target[10:])
    rain = torch.cat([b["forcing"]["precipitation"] for b in blocks], dim=1).numpy()
    np.testing.assert_array_equal(rain, data.forcing["precipitation"])


def test_warmup_must_leave_days(make_data):
    with pytest.raises(DataError, match="leaves none of 50 steps"):
        BasinBlocks(make_data(days=50), FORCINGS, (), warmup=50, basins=3)
