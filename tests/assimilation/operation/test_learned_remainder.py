"""A network beside the model expects what will be missed from what was."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx import load_bundle
from bmi_dmx.bmi.component import Component
from bmi_dmx.bundle import save_bundle
from bmi_dmx.compose import Model, ModelSpec, Moments, Statistics
from bmi_dmx.conversion import convert
from bmi_dmx.errors import ConfigError
from bmi_dmx.operate.ensemble import fitted
from bmi_dmx.trainer.combine import combine

from .twins import block, follow, made

OFFSET = 0.02
READS = {"precipitation": "mm d-1", "lower_zone": "mm"}
MOMENTS = {
    "predicted": Moments(1.0, 1.0, "sqrt"),
    "previous": Moments(1.0, 1.0, "sqrt"),
    "missed": Moments(0.0, 2.0),
    "known": Moments(0.7, 0.4),
    "precipitation": Moments(3.0, 8.0),
    "lower_zone": Moments(20.0, 30.0),
    "aridity": Moments(1.0, 0.5),
}


def spec(**options: Any) -> ModelSpec:
    """Return a model of errors; options replace those of its process."""
    settings = {"units": "mm d-1", "scale": "root", "offset": OFFSET, "reads": READS}
    return convert(
        {
            "parts": {
                "memory": {
                    "network": "lstm",
                    "options": {"hidden": 5},
                    "forcings": ["predicted", "previous", "missed", "known", *READS],
                    "attributes": ["aridity"],
                    "gives": ["error"],
                },
                "remaining": {
                    "process": "remaining_error",
                    "options": settings | options,
                },
            },
            "seconds": 86400,
            "transforms": {"predicted": "sqrt", "previous": "sqrt"},
        },
        ModelSpec,
        "model",
    )


@pytest.fixture(scope="session")
def errors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a bundle of a small network that has not learned anything."""
    return made_up(tmp_path_factory.mktemp("errors") / "errors", 4)


def made_up(path: Path, seed: int, **options: Any) -> Path:
    """Write a bundle of random weights; options replace those of its process."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Model(spec(**options), Statistics(MOMENTS)).double().eval()
    save_bundle(model, path, licence="CC0-1.0", provenance={}, scores={})
    return path


def observing(errors: Path, **changes: Any) -> dict[str, Any]:
    """Return a block whose errors the bundle expects; nothing else is corrected."""
    remaining = {
        "std": 0.3, "correlation_time": "4 d", "memory": "100 d",
        "bundle": str(errors), **changes,
    }  # fmt: skip
    return block(
        members=1, filter={"name": "none"}, perturbations={},
        observed={
            "streamflow": {
                "error": {"relative": 0.05, "absolute": OFFSET}, "scale": "root",
                "gross_error": None, "remaining": remaining,
            }
        },
    )  # fmt: skip


def seen(forcing: dict[str, np.ndarray]) -> np.ndarray:
    """Return made-up observations with gaps."""
    values = 0.5 * forcing["precipitation"] + 0.3
    values[::4] = np.nan
    values[20:26, 0] = np.nan
    return np.array(values)


def root(values: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(values, 0.0) + OFFSET)


def test_step_by_step_is_the_model_of_errors_all_at_once(
    errors: Path, start: Any
) -> None:
    forcing = made(40, 2)
    values = seen(forcing)
    component = start(2, assimilation=observing(errors))
    names = ("streamflow", "lower_zone", "streamflow__expected")
    series = follow(component, forcing, range(40), values, names)
    missed = root(values) - root(series["streamflow"])
    before = np.concatenate([np.full((1, 2), np.nan), missed[:-1]])
    inputs = {
        "predicted": series["streamflow"],
        "previous": series["streamflow"][[0, *range(39)]],
        "missed": np.nan_to_num(before),
        "known": np.isfinite(before).astype(float),
        "precipitation": forcing["precipitation"],
        "lower_zone": series["lower_zone"],
    }
    aridity = component.runner.parameters.attribute["aridity"]
    model = load_bundle(errors).model()
    ran = model.simulate(
        {name: torch.from_numpy(np.array(x)) for name, x in inputs.items()},
        {"aridity": torch.from_numpy(np.array(aridity))},
        outputs=["expected"],
    )
    expected = ran.outputs["expected"].detach().numpy()
    np.testing.assert_allclose(series["streamflow__expected"], expected, rtol=1e-9)
    assert np.abs(expected - series["streamflow"]).mean() > 1e-3


def test_a_bundle_is_found_from_the_folder_of_the_configuration(
    errors: Path, start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(errors, tmp_path / "learned")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    forcing = made(10, 2)
    values = seen(forcing)
    relative, absolute = (
        start(2, name=f"{k}.yaml", assimilation=observing(path))
        for k, path in enumerate((Path("learned"), errors))
    )
    name = "streamflow__expected"
    series, expected = (
        follow(one, forcing, range(10), values, (name,))[name]
        for one in (relative, absolute)
    )
    np.testing.assert_array_equal(series, expected)


def test_a_run_goes_on_bitwise(errors: Path, start: Any) -> None:
    forcing = made(40, 2)
    values = seen(forcing)
    whole, other = (
        start(2, name=f"{k}.yaml", assimilation=observing(errors)) for k in "ab"
    )
    follow(whole, forcing, range(20), values)
    other.set_state_bytes(whole.state_bytes())
    names = ("streamflow__expected", "streamflow__analysis")
    series, again = (
        follow(one, forcing, range(20, 40), values, names) for one in (whole, other)
    )
    for name in names:
        np.testing.assert_array_equal(series[name], again[name])
    assert whole.state_bytes() == other.state_bytes()


def test_a_forecast_is_the_run_that_is_told_nothing_more(
    errors: Path, start: Any
) -> None:
    forcing = made(40, 2)
    component: Component = start(2, assimilation=observing(errors))
    follow(component, forcing, range(30), seen(forcing))
    assert component.ensemble is not None
    free = start(2, name="free.yaml").runner
    free.begin()
    free.restore(fitted(free, component.runner.save()))
    free.clock.set(30)
    ahead = component.ensemble.assimilation.inboxes["streamflow"].ahead(free)
    forecast = []
    for step in range(30, 40):
        for name, buffer in free.forcing.items():
            buffer[:] = forcing[name][step]
        free.advance()
        free.clock.tick()
        forecast.append(ahead())
    names = ("streamflow__expected",)
    series = follow(component, forcing, range(30, 40), None, names)
    np.testing.assert_allclose(forecast, series[names[0]], rtol=1e-12)


def test_far_from_the_training_an_error_of_first_order_serves(
    errors: Path, start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    forcing = made(40, 2)
    values = seen(forcing)
    # In the first place alone no weather of the training was like this.
    forcing["precipitation"][10:, 0] += 200.0
    plain = observing(errors)
    del plain["observed"]["streamflow"]["remaining"]["bundle"]
    names = ("streamflow__expected",)
    learned = start(2, name="a.yaml", assimilation=observing(errors))
    with caplog.at_level(logging.WARNING):
        series = follow(learned, forcing, range(40), values, names)[names[0]]
    assert "an error of first order serves there" in caplog.text
    other = start(2, name="b.yaml", assimilation=plain)
    expected = follow(other, forcing, range(40), values, names)[names[0]]
    np.testing.assert_allclose(series[10:, 0], expected[10:, 0], rtol=1e-9)
    assert np.abs(series[10:, 1] - expected[10:, 1]).max() > 0.01
    assert np.isfinite(series).all()


def test_the_variance_follows_what_is_missed(errors: Path, start: Any) -> None:
    forcing = made(120, 2)
    alone = follow(start(2, name="a.yaml"), forcing, range(120))["streamflow"]
    spread = {}
    for name, size in {"small": 0.02, "large": 1.0}.items():
        noise = np.random.default_rng(1).normal(0.0, size, alone.shape)
        values = np.maximum(root(alone) + noise, 0.2) ** 2 - OFFSET
        settings = observing(errors, memory="30 d")
        component = start(2, name=f"{name}.yaml", assimilation=settings)
        follow(component, forcing, range(120), values)
        assert component.ensemble is not None
        box = component.ensemble.assimilation.inboxes["streamflow"]
        assert box.remainder is not None
        spread[name] = float(box.remainder.variance.mean())
    assert spread["small"] < 0.5 * spread["large"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": "log"}, "learned errors in 'mm d-1', scale 'root'"),
        ({"error": {"absolute": 0.5}}, "absolute error 0.02; found"),
    ],
)
def test_other_scales_are_refused(
    errors: Path, start: Any, changes: dict[str, Any], message: str
) -> None:
    settings = observing(errors)
    settings["observed"]["streamflow"] |= changes
    with pytest.raises(ConfigError, match=message):
        start(2, assimilation=settings)


def test_other_bundles_and_steps_are_refused(
    errors: Path, bundle: Path, start: Any
) -> None:
    with pytest.raises(ConfigError, match="has no part of process 'remaining_error'"):
        start(2, assimilation=observing(bundle))
    with pytest.raises(ConfigError, match="cannot run at 1 h"):
        start(2, time_step="hourly", assimilation=observing(errors))


def test_several_networks_expect_their_mean(
    errors: Path, start: Any, tmp_path: Path
) -> None:
    other = made_up(tmp_path / "other", 5)
    combine([errors, other], tmp_path / "both")
    forcing = made(12, 2)
    names = ("streamflow__expected",)
    roots = {}
    for name, path in {"a": errors, "b": other, "both": tmp_path / "both"}.items():
        component = start(2, name=f"{name}.yaml", assimilation=observing(path))
        # Nothing is observed, so that all are told the same.
        roots[name] = root(follow(component, forcing, range(12), None, names)[names[0]])
    alone = root(follow(start(2, name="alone.yaml"), forcing, range(12))["streamflow"])
    inside = np.all([x > root(np.zeros(1)) for x in roots.values()], axis=0)
    assert inside.mean() > 0.3
    np.testing.assert_allclose(
        (roots["both"] - alone)[inside],
        ((roots["a"] + roots["b"]) / 2.0 - alone)[inside],
        rtol=1e-9, atol=1e-12,
    )  # fmt: skip


def test_networks_of_different_scales_are_refused(
    errors: Path, start: Any, tmp_path: Path
) -> None:
    other = made_up(tmp_path / "other", 5, offset=0.5)
    combine([errors, other], tmp_path / "both")
    with pytest.raises(ConfigError, match="learned errors on different scales"):
        start(2, assimilation=observing(tmp_path / "both"))
