from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.filters.spectrum import Spectrum


@pytest.mark.parametrize("observed", [1, 4, 5, 9])
@pytest.mark.parametrize("stretch", [None, 1.7])
def test_both_forms_are_the_matrices_they_stand_for(
    observed: int, stretch: float | None
) -> None:
    rng = np.random.default_rng(observed)
    scaled = rng.standard_normal((3, 5, observed))
    innovation = rng.standard_normal((3, observed))
    anomalies = rng.standard_normal((3, 5, 2))
    spectrum = Spectrum.of(scaled, innovation)
    assert spectrum.few == (observed < 5)
    factors = spectrum.root(None if stretch is None else np.full(3, stretch))
    members = spectrum.applied(anomalies, *factors)
    for k in range(3):
        s = (stretch or 1.0) * scaled[k]
        value, vector = np.linalg.eigh(np.eye(5) + s @ s.T)
        root = (vector * value**-0.5) @ vector.T
        weight = np.linalg.inv(np.eye(5) + s @ s.T) @ s @ innovation[k]
        expected = (root + weight) @ anomalies[k]
        np.testing.assert_allclose(members[k], expected, atol=1e-12)
