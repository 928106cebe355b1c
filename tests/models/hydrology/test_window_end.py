"""Constant parameters from the end of a window, as published weights have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.bundle import save_bundle
from bmi_dmx.compose import Model, ModelSpec, fit_statistics
from bmi_dmx.compose.windows import (
    WindowEnd,
    at_each_step,
    at_window_end,
    window_ends,
)
from bmi_dmx.conversion import convert
from bmi_dmx.errors import BundleError, ConfigError
from bmi_dmx.models.hydrology.hbv import Hbv11p

from .test_hbv_restated import restated_day

DYNAMIC = ("beta", "k0", "betaet")
CONSTANT = tuple(p.name for p in Hbv11p().parameters if p.name not in DYNAMIC)
FORCINGS = ("precipitation", "air_temperature", "potential_evaporation")
STEPS, WARMUP, PLACES, MEMBERS = 40, 15, 3, 2


def made(parts: Any = None, **changes: Any) -> tuple[Model, dict[str, torch.Tensor]]:
    """Return a model whose LSTM gives all parameters, and weather for it."""
    network = {
        "network": "lstm", "options": {"hidden": 6}, "forcings": list(FORCINGS),
        "attributes": ["aridity"], "gives": "all", "window_end": list(CONSTANT),
    }  # fmt: skip
    parts = {
        "lstm": {**network, **changes},
        "land": {"process": "hbv11p", "members": MEMBERS},
        **(parts or {}),
    }
    spec = convert({"seconds": 86400, "parts": parts}, ModelSpec)
    rng = np.random.default_rng(5)
    size = (STEPS, PLACES)
    weather = {
        "precipitation": rng.exponential(9.0, size) * (rng.random(size) < 0.5),
        "air_temperature": rng.normal(1.0, 5.0, size),
        "potential_evaporation": rng.uniform(0.0, 4.0, size),
    }
    places = {"aridity": np.array([0.4, 0.9, 1.6])}
    torch.manual_seed(2)
    model = Model(spec, fit_statistics(spec, weather, places)).double().eval()
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.5)
    series = {n: torch.from_numpy(x) for n, x in {**weather, **places}.items()}
    return model, series


@pytest.mark.parametrize(
    ("warmup", "warmup_gradient"),
    [("apart", False), ("apart", True), ("shared", False), ("constant", False)],
)
def test_the_last_day_decides_as_in_a_plain_loop(
    warmup: str, warmup_gradient: bool
) -> None:
    """A warm-up of its own has the constants of its own last day, or nothing else."""
    model, tensors = made(window_warmup=warmup)
    forcing, places = {n: tensors[n] for n in FORCINGS}, {"aridity": tensors["aridity"]}
    ran = model.simulate(
        forcing, places, warmup=WARMUP, warmup_gradient=warmup_gradient,
        outputs=["runoff"],
    )  # fmt: skip
    inputs = torch.stack([forcing[n] for n in FORCINGS], -1)
    cold = model.initial_state(PLACES)
    memory = {name: cold[f"lstm.{name}"] for name in ("hidden", "cell")}
    with torch.no_grad():
        answers, _ = model.network("lstm")(inputs, places["aridity"][:, None], memory)
    expected = np.zeros((STEPS, PLACES))
    for place, member in np.ndindex(PLACES, MEMBERS):
        store = (0.001,) * 5
        for day in range(STEPS):
            apart = day < WARMUP and warmup != "shared" and not warmup_gradient
            end = WARMUP - 1 if apart else STEPS - 1
            changing = () if apart and warmup == "constant" else DYNAMIC
            p = {
                n: float(x[day if n in changing else end, place, member])
                for n, x in answers.items()
            }
            store, runoff = restated_day(store, inputs[day, place].tolist(), p)
            expected[day, place] += runoff / MEMBERS
    found = ran.outputs["runoff"].detach().numpy()
    np.testing.assert_allclose(found, expected[WARMUP:], rtol=1e-10, atol=1e-10)


def test_nobody_can_step_such_a_model(tmp_path: Any) -> None:
    model, _ = made()
    with pytest.raises(BundleError, match=r"parts\.lstm\.window_end: .* steps to come"):
        save_bundle(model, tmp_path / "b", licence="CC0-1.0", provenance={}, scores={})
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("over", [None, 7])
def test_the_same_weights_can_be_stepped_and_scored_as_trained(
    over: int | None, tmp_path: Any
) -> None:
    model, tensors = made(window_warmup="shared")
    forcing, places = {n: tensors[n] for n in FORCINGS}, {"aridity": tensors["aridity"]}
    stepped = at_each_step(model, over)
    facts: dict[str, Any] = {"licence": "CC0-1.0", "scores": {}}
    bundle = save_bundle(stepped, tmp_path / "b", provenance={}, **facts)

    def runoff(one: Model) -> torch.Tensor:
        with torch.no_grad():
            ran = one.simulate(forcing, places, warmup=WARMUP, outputs=["runoff"])
        return ran.outputs["runoff"]

    ends = window_ends(model.spec)
    again = at_window_end(bundle.model(), ends)
    assert torch.equal(runoff(again), runoff(model))
    assert not torch.equal(runoff(stepped), runoff(model))
    assert not window_ends(stepped.spec)
    assert torch.equal(runoff(bundle.model()), runoff(stepped))


@pytest.mark.parametrize(
    ("name", "parameter", "message"),
    [
        ("lstmm", "fc", "no part 'lstmm'; did you mean 'lstm'"),
        ("land", "fc", "parts.land: is no network that varies"),
        ("lstm", "fk", "'fk' is no parameter that it gives"),
    ],
)
def test_ends_of_what_is_not_there_are_refused(
    name: str, parameter: str, message: str
) -> None:
    model, _ = made()
    with pytest.raises(ConfigError, match=message):
        at_window_end(model, {name: WindowEnd(parameters=(parameter,))})


def test_what_is_prepared_once_cannot_change(tmp_path: Any) -> None:
    """A hydrograph whose shares are prepared, or computed in every step."""
    spec = {"gives": "all", "window_end": []}
    parts = {"outlet": {"process": "unit_hydrograph"}}
    model, _ = made(parts=parts, **spec)
    facts: dict[str, Any] = {"licence": "CC0-1.0", "provenance": {}, "scores": {}}
    with pytest.raises(BundleError, match="'routing_a' is prepared once, but 'lstm' c"):
        save_bundle(model, tmp_path / "b", **facts)
    parts["outlet"]["options"] = {"varying": True}
    model, _ = made(parts=parts, **spec)
    assert save_bundle(model, tmp_path / "b", **facts).path.is_dir()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"window_end": [], "window_warmup": "shared"},
            "window_warmup: found 'shared'",
        ),
        ({"window_end": ["fk"]}, r"parts\.lstm\.window_end: 'fk' is no parameter"),
        ({"window_end": ["fc", "fc"]}, "window_end"),
        ({"network": "mlp", "options": {}, "forcings": []}, "one value throughout"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(**changes)
