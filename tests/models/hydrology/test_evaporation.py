"""Potential evaporation from somewhere else than a model learned with."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from bmi_dmx.bundle import load_bundle
from bmi_dmx.compose.spec import ModelSpec
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.daily_range import estimated_extremes
from bmi_dmx.models.hydrology.evaporation import with_evaporation
from bmi_dmx.models.hydrology.system import (
    HYDROLOGY,
    evaporation_remark,
    trained_evaporation,
)

SHIPPED = load_bundle("dhbv-conus-daily")
SPEC = convert(SHIPPED.manifest.model, ModelSpec)


def written_as_parts() -> SimpleNamespace:
    """The shipped bundle as if its model had been written part by part."""
    parts = {"evaporation": {"process": "hargreaves"}, "land": {"process": "hbv11p"}}
    manifest = SimpleNamespace(model={"parts": parts})
    return SimpleNamespace(manifest=manifest, parts=SHIPPED.parts, programs={})


def test_another_formula_stands_where_the_own_one_did() -> None:
    changed = with_evaporation(SPEC, "oudin")
    assert list(changed.parts) == list(SPEC.parts)
    assert changed.parts["evaporation"].process == "oudin"
    others = [name for name in SPEC.parts if name != "evaporation"]
    assert all(changed.parts[name] == SPEC.parts[name] for name in others)


def test_given_means_no_formula_and_a_formula_may_come_before_all_processes() -> None:
    spec = with_evaporation(SPEC, "given")
    assert "evaporation" not in spec.parts
    again = with_evaporation(spec, "oudin")
    assert list(again.parts)[:2] == ["static", "evaporation"]


@pytest.mark.parametrize("name", ["bundle", "hargreaves"])
def test_the_own_formula_changes_nothing(name: str) -> None:
    assert with_evaporation(SPEC, name) is SPEC


def test_an_unknown_formula_is_named() -> None:
    with pytest.raises(ConfigError, match="evaporation: unknown 'odin'; did you mean"):
        with_evaporation(SPEC, "odin")


def test_what_a_bundle_learned_with_is_seen_however_its_model_is_written() -> None:
    assert trained_evaporation(SHIPPED) == "hargreaves"
    assert trained_evaporation(written_as_parts()) == "hargreaves"  # type: ignore[arg-type]


def test_given_takes_the_formula_out_however_the_model_is_written() -> None:
    assert HYDROLOGY.exchanged is not None
    for bundle in (SHIPPED, written_as_parts()):
        parts, _ = HYDROLOGY.exchanged(bundle, 86400.0, {"evaporation": "given"})
        assert "evaporation" not in [part.name for part in parts]


def test_a_choice_is_said() -> None:
    assert "'hargreaves', as the bundle was" in evaporation_remark(SHIPPED, None)
    assert "'hargreaves', as the bundle was" in evaporation_remark(SHIPPED, "bundle")
    assert "'oudin', as was chosen" in evaporation_remark(SHIPPED, "oudin")


def test_days_are_wide_when_dry_and_narrow_when_wet() -> None:
    mean = np.array([10.0, 10.0, -5.0], dtype=np.float32)
    rain = np.array([0.0, 1.0, 0.99], dtype=np.float32)
    lowest, highest = estimated_extremes(mean, rain)
    assert lowest.dtype == highest.dtype == np.float32
    np.testing.assert_allclose(highest - lowest, [13.7, 9.3, 13.7], rtol=1e-6)
    np.testing.assert_allclose(0.5 * (highest + lowest), mean, atol=1e-6)
