"""Components that others wrote are corrected through the functions of BMI."""

from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.filters.etkf import Etkf
from bmi_dmx.assimilation.instances import Instances
from bmi_dmx.assimilation.observation import Observation
from bmi_dmx.assimilation.transforms import Identity, Log1p
from bmi_dmx.errors import ConfigError, DataError

from .bucket import Buckets


def ensemble(members: int = 12, **keys: bool) -> Instances:
    """Return buckets whose rain differs."""
    return Instances(
        [Buckets(**keys) for _ in range(members)], {"storage": Log1p()}, Etkf()
    )


def rained(instances: Instances, rain: np.ndarray) -> None:
    """Step members with rain of their own, (member, bucket)."""
    for member, inflow in zip(instances.members, rain, strict=True):
        member.set_value("inflow", inflow)
    instances.update()


def test_states_are_what_the_filter_makes_of_them() -> None:
    instances, rng = ensemble(), np.random.default_rng(0)
    rained(instances, rng.gamma(2.0, 1.0, (12, 2)))
    before, predicted = instances.values("storage"), instances.values("outflow")
    added = instances.analyse("outflow", 2.0, 0.1)
    observed = Observation(np.array([2.0]), np.array([0.1]))
    expected = np.expm1(Etkf().analyse(np.log1p(before), predicted, observed))
    np.testing.assert_allclose(instances.values("storage"), expected, rtol=1e-12)
    np.testing.assert_allclose(added["storage"], (expected - before).mean(0))


def test_a_gauge_brings_stores_to_the_truth() -> None:
    rng, instances, blind = np.random.default_rng(1), ensemble(), ensemble()
    truth, errors = Buckets(), []
    for _ in range(200):
        rain = rng.gamma(0.5, 2.0, 2)
        truth.set_value("inflow", rain)
        truth.update()
        wrong = 1.4 * rain * rng.lognormal(0.0, 0.5, (12, 2))
        for one in (instances, blind):
            rained(one, wrong)
        instances.analyse("outflow", truth.outflow, 0.05)
        errors.append(
            [one.values("storage").sum(1).mean() - truth.storage.sum()
             for one in (instances, blind)]
        )  # fmt: skip
    late = np.sqrt((np.array(errors)[50:] ** 2).mean(0))
    assert late[0] < 0.3 * late[1]
    assert instances.values("storage").min() >= 0.0


def test_what_is_missing_changes_nothing() -> None:
    instances = ensemble()
    rained(instances, np.random.default_rng(0).gamma(2.0, 1.0, (12, 2)))
    before = instances.values("storage")
    added = instances.analyse("outflow", np.nan, 0.1)
    np.testing.assert_array_equal(instances.values("storage"), before)
    np.testing.assert_array_equal(added["storage"], 0.0)


def test_components_that_do_not_hold_what_is_set_are_refused() -> None:
    instances = ensemble(deaf=True)
    rained(instances, np.random.default_rng(0).gamma(2.0, 1.0, (12, 2)))
    with pytest.raises(DataError, match=r"Buckets: 'storage' of member 1 is .* set to"):
        instances.analyse("outflow", 2.0, 0.1)


def test_names_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"'storag' cannot be read and set .*storage"):
        Instances([Buckets()], {"storag": Identity()}, Etkf())
    with pytest.raises(ConfigError, match=r"no output 'outflo'.*outflow"):
        ensemble().analyse("outflo", 2.0, 0.1)
    with pytest.raises(ConfigError, match="found none"):
        Instances([], {"storage": Identity()}, Etkf())
