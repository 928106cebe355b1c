"""Constant parameters from the end of a window, as published weights have them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.bundle import save_bundle
from bmi_dmx.compose import Model, ModelSpec, fit_statistics
from bmi_dmx.conversion import convert
from bmi_dmx.errors import BundleError, ConfigError
from bmi_dmx.models.hydrology.hbv import Hbv11p

from .test_hbv_restated import restated_day

DYNAMIC = ("beta", "k0", "betaet")
CONSTANT = tuple(p.name for p in Hbv11p().parameters if p.name not in DYNAMIC)
FORCINGS = ("precipitation", "air_temperature", "potential_evaporation")
STEPS, WARMUP, PLACES, MEMBERS = 40, 15, 3, 2


def made(**changes: Any) -> tuple[Model, dict[str, torch.Tensor]]:
    """Return a model whose LSTM gives all parameters, and weather for it."""
    network = {
        "network": "lstm", "options": {"hidden": 6}, "forcings": list(FORCINGS),
        "attributes": ["aridity"], "gives": "all", "window_end": list(CONSTANT),
    }  # fmt: skip
    parts = {
        "lstm": {**network, **changes},
        "land": {"process": "hbv11p", "members": MEMBERS},
    }
    spec = convert({"seconds": 86400, "parts": parts}, ModelSpec)
    rng = np.random.default_rng(5)
    size = (STEPS, PLACES)
    weather = {
        "precipitation": rng.exponential(9.0, size) * (rng.random(size) < 0.5),
        "air_temperature": rng.normal(1.0, 5.0, size),
        "potential_evaporation": rng.uniform(0.0, 4.0, size),
    }
    known = {"aridity": np.array([0.4, 0.9, 1.6])}
    torch.manual_seed(2)
    model = Model(spec, fit_statistics(spec, weather, known)).double().eval()
    for weights in model.parameters():
        torch.nn.init.normal_(weights, std=0.5)
    series = {n: torch.from_numpy(x) for n, x in {**weather, **known}.items()}
    return model, series


@pytest.mark.parametrize("warmup_gradient", [False, True])
def test_the_last_day_decides_as_in_a_plain_loop(warmup_gradient: bool) -> None:
    """A warm-up without gradient has the constants of its own last day."""
    model, given = made()
    forcing, known = {n: given[n] for n in FORCINGS}, {"aridity": given["aridity"]}
    ran = model.simulate(
        forcing, known, warmup=WARMUP, warmup_gradient=warmup_gradient,
        outputs=["runoff"],
    )  # fmt: skip
    inputs = torch.stack([forcing[n] for n in FORCINGS], -1)
    cold = model.initial_state(PLACES)
    memory = {name: cold[f"lstm.{name}"] for name in ("hidden", "cell")}
    with torch.no_grad():
        answers, _ = model.network("lstm")(inputs, known["aridity"][:, None], memory)
    expected = np.zeros((STEPS, PLACES))
    for place, member in np.ndindex(PLACES, MEMBERS):
        store = (0.001,) * 5
        for day in range(STEPS):
            apart = day < WARMUP and not warmup_gradient
            end = WARMUP - 1 if apart else STEPS - 1
            p = {
                n: float(x[day if n in DYNAMIC else end, place, member])
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window_end": ["fk"]}, r"parts\.lstm\.window_end: 'fk' is no parameter"),
        ({"window_end": ["fc", "fc"]}, "window_end"),
        ({"network": "mlp", "options": {}, "forcings": []}, "one value throughout"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(**changes)
