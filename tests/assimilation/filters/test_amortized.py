"""The learned filter as it runs in operation: from a bundle, without PyTorch."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.assimilation.experiment import Experiment, FilterRun
from bmi_dmx.assimilation.filters.amortized import Amortized, Memory
from bmi_dmx.assimilation.filters.static import Nudging
from bmi_dmx.assimilation.observation import Observation
from bmi_dmx.assimilation.truth import truth_of
from bmi_dmx.assimilation.twin import follow
from bmi_dmx.bundle import load_bundle, save_bundle
from bmi_dmx.compose import Model, ModelSpec, Statistics
from bmi_dmx.config import convert
from bmi_dmx.errors import BundleError, ConfigError, DataError
from bmi_dmx.trainer.tasks.archive.cycle import FilterCycle
from bmi_dmx.trainer.tasks.archive.data import opened
from bmi_dmx.trainer.tasks.archive.experiment import DataSpec

SIZE, CYCLES = 12, 5

TWIN = {
    "system": {
        "process": "lorenz_96", "space": {"kind": "ring", "size": SIZE}, "step": 0.05,
    },
    "observe": {"every": 2},
    "cycle": 0.1, "cycles": CYCLES, "seeds": 2, "burn_in": 0, "spin_up": 5.0,
}  # fmt: skip

Make = Callable[..., str]


def shaken(options: dict[str, Any]) -> Model:
    """Return a model whose weights are not where they begin."""
    spec = {
        "parts": {
            "analysis": {
                "process": "analysis",
                "options": {
                    "settings": {"hidden": 4, "kernel": 3}, "memory": 2, **options,
                },
            }
        },
        "seconds": 0.1,
        "space": {"kind": "ring", "size": SIZE},
    }  # fmt: skip
    torch.manual_seed(3)
    model = Model(convert(spec, ModelSpec), Statistics({}))
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.2 * torch.randn_like(weight)
        model.network("analysis").mean += 2.3
        model.network("analysis").std *= 3.6
    return model


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a function that saves a bundle, and says where."""
    bundles: dict[str, str] = {}

    def bundle(dtype: torch.dtype = torch.float64, **options: Any) -> str:
        key = repr((dtype, sorted(options.items())))
        if key not in bundles:
            place = tmp_path_factory.mktemp("bundle") / "filter"
            model = shaken(options).to(dtype)
            save_bundle(model, place, licence="MIT", provenance={}, scores={})
            bundles[key] = str(place)
        return bundles[key]

    return bundle


def problem(members: int = 3, problems: int = 2) -> tuple[Any, Any, Observation]:
    """Return a forecast, what it predicts, and observations with gaps."""
    generator = np.random.default_rng(5)
    ensemble = generator.normal(2.3, 2.0, (problems, members, SIZE))
    value = ensemble.mean(1) + generator.normal(size=(problems, SIZE))
    value[:, ::3] = np.nan
    return ensemble, ensemble, Observation(value, np.asarray(1.0))


@pytest.mark.parametrize(
    "options",
    [{}, {"spread": "band"}, {"form": "gain", "network": "amenf_conv"}],
    ids=["increment", "band", "gain"],
)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)]
)
def test_it_gives_the_numbers_of_the_training(
    made: Make, options: dict[str, Any], dtype: torch.dtype, tolerance: float
) -> None:
    path = made(dtype, **options)
    series = opened(DataSpec(made=convert(TWIN, Experiment)), with_truth=False)
    cycling = FilterCycle(load_bundle(path).model(), "analysis", series, 1e6)
    # What the published form reads where nothing was observed is drawn among members.
    members = 1 if options.get("form") == "gain" else 2
    start = series.climate.states[: 2 * members].reshape(2, members, SIZE)
    observed = torch.from_numpy(np.moveaxis(series.observed, 1, 0)).to(dtype)
    with torch.no_grad():
        cycles = list(
            cycling.run(
                torch.from_numpy(start).to(dtype),
                {n: x.to(dtype) for n, x in cycling.blank(2, members).items()},
                observed, torch.ones_like(observed),
            )
        )  # fmt: skip
    learned = Amortized(path)
    for one, values in zip(cycles, observed.numpy(), strict=True):
        forecast = one.forecast.numpy()
        analysis = learned.analyse(
            forecast, forecast, Observation(values, np.asarray(1.0))
        )
        assert analysis.dtype == forecast.dtype
        np.testing.assert_allclose(
            analysis, one.analysis.numpy(), rtol=tolerance, atol=10 * tolerance
        )


def test_a_bundle_says_what_it_is(made: Make) -> None:
    bundle = load_bundle(made())
    (part,) = bundle.parts
    assert [f.name for f in part.variables.fluxes] == ["x_analysis"]
    assert "analysis.mean" in bundle.weights
    torch.testing.assert_close(
        dict(bundle.model().state_dict()),
        {n: torch.from_numpy(np.array(x)) for n, x in bundle.weights.items()},
    )


def test_members_in_another_order_are_analysed_in_that_order(made: Make) -> None:
    ensemble, _, observed = problem()
    order = np.array([2, 0, 1])
    analysis = Amortized(made()).analyse(ensemble, ensemble, observed)
    turned = ensemble[:, order]
    again = Amortized(made()).analyse(turned, turned, observed)
    np.testing.assert_array_equal(again, analysis[:, order])


def test_a_batch_is_its_problems_one_by_one(made: Make) -> None:
    ensemble, _, observed = problem()
    analysis = Amortized(made()).analyse(ensemble, ensemble, observed)
    for k, one in enumerate(ensemble):
        alone = Observation(observed.value[k], observed.error[k])
        np.testing.assert_allclose(
            Amortized(made()).analyse(one, one, alone), analysis[k], rtol=1e-12
        )


def test_what_is_missing_has_no_influence(made: Make) -> None:
    ensemble, _, observed = problem()
    at = np.arange(1, SIZE, 3)
    rows = np.eye(SIZE)[at]
    some = np.where(np.isin(np.arange(SIZE), at), observed.value, np.nan)
    whole = Amortized(made()).analyse(
        ensemble, ensemble, Observation(some, observed.error)
    )
    few = Observation(some[:, at], observed.error[:, at])
    analysis = Amortized(made(), operator=rows).analyse(
        ensemble, ensemble[..., at], few
    )
    np.testing.assert_array_equal(analysis, whole)


def test_nothing_observed_gives_the_forecast_itself(made: Make) -> None:
    ensemble, _, observed = problem()
    value = np.array(observed.value)
    value[1] = np.nan
    analysis = Amortized(made()).analyse(
        ensemble, ensemble, Observation(value, observed.error)
    )
    np.testing.assert_array_equal(analysis[1], ensemble[1])
    assert not np.array_equal(analysis[0], ensemble[0])


def test_it_remembers_and_a_copy_remembers_the_same(made: Make) -> None:
    ensemble, _, observed = problem()
    learned = Amortized(made())
    first = learned.analyse(ensemble, ensemble, observed)
    states = {name: x.copy() for name, x in learned.memory.states.items()}
    second = replace(learned, operator=np.eye(SIZE)).analyse(
        ensemble, ensemble, observed
    )
    assert not np.array_equal(first, second)
    resumed = Amortized(made(), memory=Memory(states))
    np.testing.assert_array_equal(resumed.analyse(ensemble, ensemble, observed), second)


@pytest.mark.parametrize("odd", ["forecast", "observation", "error"])
def test_far_from_what_was_learned_another_filter_serves_and_that_is_said_once(
    made: Make, odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    ensemble, _, baseline = problem()
    value, error = np.array(baseline.value), np.array(baseline.error)
    target = {"forecast": ensemble[0], "observation": value[0], "error": error[0]}
    target[odd][..., 1] = 500.0
    learned = Amortized(made(), settings={"share": 0.5})
    observation = Observation(value, error)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            analysis = learned.analyse(ensemble, ensemble, observation)
    messages = [r.getMessage() for r in caplog.records]
    assert len(messages) == 1
    assert (
        "1 of 2 problems are far from what was learned; nudging serves" in messages[0]
    )
    plain = Nudging(0.5).analyse(ensemble, ensemble, observation)
    np.testing.assert_array_equal(analysis[0], plain[0])
    assert not np.allclose(analysis[1], plain[1])


def test_it_follows_a_truth_by_its_name(made: Make) -> None:
    twin = convert({**TWIN, "observe": {"every": 4}}, Experiment)
    run = FilterRun(filter="amortized", options={"bundle": made()}, members=2)
    followed = follow(truth_of(twin), run)
    assert followed.error.shape == (1, 2, CYCLES)
    assert np.isfinite(followed.error).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fallback": "nudgin"}, "fallback: found 'nudgin'.*'nudging'"),
        ({"fallback": "amortized"}, "fallback: found 'amortized'"),
        ({"operator": np.ones((2, SIZE))}, "operator: observation 0 is of 12 entries"),
    ],
)
def test_impossible_settings_are_refused(
    made: Make, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Amortized(made(), **settings)


def test_another_state_and_other_numbers_of_members_are_refused(made: Make) -> None:
    ensemble, _, observed = problem()
    learned = Amortized(made())
    with pytest.raises(DataError, match=r"found 11 entries, expected the 12 of"):
        learned.analyse(ensemble[..., 1:], ensemble, observed)
    learned.analyse(ensemble, ensemble, observed)
    with pytest.raises(DataError, match=r"found 2 problems of 2 members, remembered"):
        learned.analyse(ensemble[:, 1:], ensemble[:, 1:], observed)


def test_a_bundle_of_something_else_is_refused() -> None:
    with pytest.raises(BundleError, match="found no part of process 'analysis'"):
        Amortized("leaf-c3-made")


def test_no_pytorch_is_loaded(made: Make, tmp_path: Path) -> None:
    program = (
        "import sys\nimport numpy as np\n"
        "from bmi_dmx.registries import filters\n"
        "from bmi_dmx.assimilation.observation import Observation\n"
        f"x = np.full((1, 1, {SIZE}), 2.0)\n"
        f"found = filters['amortized']({made()!r}).analyse("
        "x, x, Observation(x[:, 0], np.asarray(1.0)))\n"
        "assert np.isfinite(found).all() and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
