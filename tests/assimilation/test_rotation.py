from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.assimilation.rotation import rotated


@given(members=st.integers(2, 12), seed=st.integers(0, 99))
def test_a_rotation_keeps_mean_and_covariance(members: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ensemble = 2.0 + rng.standard_normal((3, members, 4))
    turned = rotated(ensemble, rng)
    np.testing.assert_allclose(turned.mean(-2), ensemble.mean(-2), atol=1e-13)
    for after, before in zip(turned, ensemble, strict=True):
        np.testing.assert_allclose(
            np.cov(after, rowvar=False), np.cov(before, rowvar=False), atol=1e-12
        )
    assert members == 2 or not np.allclose(turned, ensemble)


def test_every_direction_of_members_is_as_likely() -> None:
    # Uniform rotations: entries of a turned unit vector have variance 1/(m - 1).
    rng = np.random.default_rng(3)
    unit = np.array([2.0, -1.0, -1.0]) / np.sqrt(6.0)
    turned = rotated(np.tile(unit[:, None], (20_000, 1, 1)), rng)[..., 0]
    np.testing.assert_allclose(turned.mean(0), 0.0, atol=0.02)
    np.testing.assert_allclose((turned**2).mean(0), 1 / 3, atol=0.01)


def test_one_member_is_left_alone() -> None:
    ensemble = np.ones((2, 1, 3))
    assert rotated(ensemble, np.random.default_rng(0)) is ensemble
