"""Blocks of a launch work on whole places and keep a GPU busy."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.kernels.geometry import geometry


@given(st.integers(1, 10**6), st.integers(1, 500), st.integers(1, 200))
def test_all_places_have_threads(places: int, members: int, processors: int) -> None:
    blocks, threads = geometry(places, members, processors)
    at_once = threads // min(members, 128)
    assert at_once >= 1
    assert (blocks - 1) * at_once < places <= blocks * at_once


def test_few_places_are_spread_over_the_gpu() -> None:
    assert geometry(100, 16, 132) == (50, 32)
    assert geometry(100_000, 16, 132) == (12_500, 128)
    assert geometry(3, 300, 132) == (3, 128)
