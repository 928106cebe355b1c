"""Networks with a step of their own: at once, in pieces and step by step the same."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.bundle import Bundle, save_bundle
from bmi_dmx.bundle.declared import verify_declarations
from bmi_dmx.bundle.rebuild import rebuild
from bmi_dmx.compose import Model, ModelSpec, fit_statistics
from bmi_dmx.conversion import convert
from bmi_dmx.errors import BundleError, ConfigError, StateError
from bmi_dmx.operate.operation import Operation
from bmi_dmx.process import Process
from bmi_dmx.registries import processes
from bmi_dmx.variables import Flux, Forcing, Parameter, State

from .models import HOUR, PLACES, SUPPLY, places, run, running, series

SHIFT = 4 * HOUR
"""Length of the networks' own step."""


class Works(Process):
    """A share of what is held is released, another is lost; two networks know which."""

    time = "h"
    forcings = (
        SUPPLY, Forcing(name="coldest", units="degC", extreme=("min", "temperature")),
        Forcing(name="warmest", units="degC", extreme=("max", "temperature")),
    )  # fmt: skip
    states = (State(name="held", units="kg", bounds=(0.0, 1e9)),)
    parameters = (
        Parameter(name="share", units="h-1", bounds=(0.01, 0.9), per_step="fraction"),
        Parameter(name="loss", units="h-1", bounds=(0.001, 0.1), per_step="fraction"),
    )
    fluxes = (
        Flux(name="released", units="kg h-1", per_step="rate"),
        Flux(name="lost", units="kg h-1", per_step="rate"),
    )

    def step(self, s: Any, f: Any, p: Any) -> Any:
        filled = s.held + f.supply
        released = p.share * filled
        loss = p.loss * (filled - released)
        return {"held": filled - released - loss}, {"released": released, "lost": loss}


class Meter(Process):
    """What came in a step, as an amount, and at which rate."""

    time = "h"
    forcings = (SUPPLY,)
    fluxes = (
        Flux(name="brought", units="kg", per_step="amount"), Flux(name="murk"),
    )  # fmt: skip

    def step(self, s: Any, f: Any, p: Any) -> Any:
        return {}, {"brought": 1.0 * f.supply, "murk": 1.0 / (1.0 + f.supply)}


for _process in (Works, Meter):
    processes.register(_process.__name__.lower())(_process)

READS = ["brought", "murk", "supply", "coldest", "warmest"]
PARTS: dict[str, Any] = {
    "meter": {"process": "meter"},
    "late": {
        "network": "lstm", "options": {"hidden": 3}, "step": SHIFT,
        "forcings": READS, "attributes": ["age"], "gives": ["share"],
    },
    "fixed": {
        "network": "kan", "options": {"grid": 4}, "attributes": ["age"],
        "gives": ["loss"],
    },
    "works": {"process": "works", "members": 2},
}  # fmt: skip
PROMPT = {
    **{name: PARTS[name] for name in ("meter", "late")},
    "prompt": {
        "network": "lstm", "options": {"hidden": 2}, "forcings": ["murk"],
        "gives": ["loss"],
    },
    "works": PARTS["works"],
}  # fmt: skip
KINDS = {"mixed with one by place": PARTS, "mixed with one of every step": PROMPT}


def spoiled(**changes: Any) -> dict[str, Any]:
    return {**PARTS, "late": {**PARTS["late"], **changes}}


def model_of(parts: Any, **changes: Any) -> Model:
    block = {"parts": parts, "seconds": HOUR, "system": "workshop", **changes}
    spec = convert(block, ModelSpec, "model")
    statistics = fit_statistics(spec, series(200), places())
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = Model(spec, statistics).double().eval()
        for name, weight in model.named_parameters():
            if "weight" in name:
                torch.nn.init.normal_(weight, std=0.5)
    return model


def bundle_of(model: Model, folder: Path) -> Bundle:
    return save_bundle(
        model, folder / "bundle", licence="CC0-1.0", provenance={}, scores={}
    )


def tensors(model: Model, steps: int) -> tuple[Any, Any]:
    forcing = {n: torch.from_numpy(series(steps)[n]) for n in model.forcings}
    return forcing, {"age": torch.from_numpy(places()["age"])}


OUTPUTS = ("released", "share", "loss")


@pytest.fixture(scope="module", params=KINDS.values(), ids=list(KINDS))
def model(request: pytest.FixtureRequest) -> Model:
    return model_of(request.param)


def test_stepped_it_gives_the_numbers_of_one_run(model: Model, tmp_path: Path) -> None:
    runner = running(Operation(bundle_of(model, tmp_path), HOUR, HOUR))
    forcing = series(50)
    shares = []
    released = []
    for step in range(50):
        outputs = run(runner, forcing, range(step, step + 1))
        released.append(outputs["released"][0])
        shares.append(runner.parameters.mean["share"].copy())
    with torch.no_grad():
        expected = model.simulate(*tensors(model, 50), outputs=OUTPUTS).outputs
    np.testing.assert_allclose(shares, expected["share"], rtol=1e-12)
    np.testing.assert_allclose(released, expected["released"], rtol=1e-12)


def test_parameters_hold_through_a_period_and_follow_the_one_before(
    model: Model,
) -> None:
    forcing, attributes = tensors(model, 24)
    with torch.no_grad():
        first = model.simulate(forcing, attributes, outputs=OUTPUTS).outputs["share"]
        forcing["supply"][8:12] *= 3.0
        other = model.simulate(forcing, attributes, outputs=OUTPUTS).outputs["share"]
    by_period = first.reshape(6, 4, PLACES)
    assert torch.equal(by_period.amin(1), by_period.amax(1))
    assert all(bool((a != b).all()) for a, b in pairwise(by_period))
    # The third period is seen from the fourth on, and not before.
    assert torch.equal(first[:12], other[:12])
    assert bool((first[12:] != other[12:]).all())


@given(cuts=st.lists(st.integers(1, 29), max_size=4, unique=True))
@settings(max_examples=15, deadline=None)
def test_a_series_may_be_cut_anywhere(cuts: list[int]) -> None:
    for parts in KINDS.values():
        model = model_of(parts)
        forcing, attributes = tensors(model, 30)
        with torch.no_grad():
            whole = model.simulate(forcing, attributes, outputs=OUTPUTS)
            state, pieces = None, []
            for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 30], strict=True):
                piece = {n: x[a:b] for n, x in forcing.items()}
                ran = model.simulate(piece, attributes, state=state, outputs=OUTPUTS)
                state = ran.state
                pieces.append(ran.outputs)
        for name in OUTPUTS:
            series = torch.cat([piece[name] for piece in pieces])
            torch.testing.assert_close(
                series, whole.outputs[name], rtol=1e-12, atol=1e-14
            )
        for name, x in whole.state.items():
            torch.testing.assert_close(state[name], x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("warmup", [3, 4, 9])
def test_a_warm_up_may_end_anywhere(warmup: int, model: Model) -> None:
    forcing, attributes = tensors(model, 20)
    whole = model.simulate(forcing, attributes, outputs=OUTPUTS).outputs
    late = model.simulate(forcing, attributes, warmup=warmup, outputs=OUTPUTS).outputs
    for name in OUTPUTS:
        torch.testing.assert_close(
            late[name], whole[name][warmup:], rtol=1e-12, atol=1e-14
        )


def test_networks_learn_from_what_they_hold(model: Model) -> None:
    forcing, attributes = tensors(model, 13)
    model.simulate(forcing, attributes, outputs=("released",)).outputs[
        "released"
    ].sum().backward()
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.isfinite().all()), name
    moved = [bool(w.grad.any()) for n, w in model.named_parameters() if "output" in n]
    assert all(moved)
    model.zero_grad()


def test_saved_in_the_middle_of_a_period_it_resumes_bitwise(
    model: Model, tmp_path: Path
) -> None:
    bundle = bundle_of(model, tmp_path)
    for stop in (1, 4, 6, 11):
        one, other = (running(Operation(bundle, HOUR, HOUR)) for _ in range(2))
        run(one, series(30), range(stop))
        other.clock.set(stop)
        assert other.restore(one.save()) == []
        outputs = [run(r, series(30), range(stop, 30)) for r in (one, other)]
        for name, values in outputs[0].items():
            np.testing.assert_array_equal(values, outputs[1][name])


def test_shorter_steps_of_the_physics_leave_the_networks_their_own(
    tmp_path: Path,
) -> None:
    # Amounts of a period, means and extremes do not depend on the length of a step.
    reads = [name for name in READS if name != "murk"]
    model = model_of(spoiled(forcings=reads), steps=[HOUR / 2])
    bundle = bundle_of(model, tmp_path)
    halves = {n: np.repeat(x, 2, axis=0) for n, x in series(20).items()}
    runner = running(Operation(bundle, HOUR / 2, HOUR / 2))
    outputs = run(runner, halves, range(40))
    forcing = {n: torch.from_numpy(halves[n]) for n in model.forcings}
    attributes = {"age": torch.from_numpy(places()["age"])}
    with torch.no_grad():
        expected = model.simulate(forcing, attributes, dt=0.5, outputs=OUTPUTS).outputs
        hourly = model.simulate(*tensors(model, 20), outputs=OUTPUTS).outputs
    np.testing.assert_allclose(outputs["released"], expected["released"], rtol=1e-12)
    half = expected["share"][::2]
    np.testing.assert_allclose(half, hourly["share"], rtol=1e-12)


def test_a_step_of_its_own_as_long_as_that_of_the_model_is_one_step_late() -> None:
    late = {**PARTS["late"], "forcings": ["murk"], "step": HOUR}
    models = [
        model_of({**PARTS, "late": {**late, "step": step}}) for step in (HOUR, None)
    ]
    forcing, attributes = tensors(models[0], 12)
    with torch.no_grad():
        share, prompt = (
            m.simulate(forcing, attributes, outputs=OUTPUTS).outputs["share"]
            for m in models
        )
    typical = models[0].statistics["murk"].typical
    first = {n: x[:1].clone() for n, x in forcing.items()}
    first["supply"][:] = 1.0 / typical - 1.0
    moved = {n: torch.cat([first[n], x[:-1]]) for n, x in forcing.items()}
    with torch.no_grad():
        expected = (
            models[1].simulate(moved, attributes, outputs=OUTPUTS).outputs["share"]
        )
    torch.testing.assert_close(share, expected, rtol=1e-11, atol=1e-13)
    assert not torch.allclose(share, prompt)


def test_what_is_read_is_normalised_as_it_is_read() -> None:
    hours = series(200)["supply"]
    model = model_of({**PARTS, "late": {**PARTS["late"], "forcings": ["supply"]}})
    means = hours.reshape(50, 4, PLACES).mean(1)
    assert model.statistics["supply"].std == pytest.approx(means.std(), rel=1e-12)
    prompt = {**PROMPT["prompt"], "forcings": ["supply"]}
    both = model_of({**PROMPT, "prompt": prompt})
    assert both.statistics["supply"].std == pytest.approx(hours.std(), rel=1e-12)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            spoiled(step=5400.0),
            "late.step: found 5400, expected a multiple of",
        ),
        (
            spoiled(step=2 * 86400),
            "late.step: found 172800, expected 86400 s or a",
        ),
        (spoiled(step=-1.0), "late.step: found -1, expected 86400 s or a whole part"),
        (spoiled(every="step"), "late: step: a network has a step of its own where"),
        (
            {**PROMPT, "prompt": {**PROMPT["prompt"], "step": 7200.0}},
            "prompt.step: found 7200, but 14400 of another network",
        ),
        (
            {**PARTS, "works": {"process": "works", "step": SHIFT}},
            "works: step: a process has no such key",
        ),
        (
            {**PARTS, "fixed": {**PARTS["fixed"], "step": SHIFT}},
            "fixed: step: a network has a step of its own where it reads forcings",
        ),
    ],
)
def test_steps_that_nobody_can_keep_count_of_are_refused(
    parts: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        model_of(parts)


def test_a_bundle_whose_network_steps_in_no_part_of_a_day_is_refused(
    tmp_path: Path,
) -> None:
    bundle = bundle_of(model_of(PARTS), tmp_path)
    manifest = bundle.manifest
    for step in (0.0, 5e4, 2e5):
        parts = tuple(
            replace(part, step=step) if part.name == "late" else part
            for part in manifest.parts
        )
        message = (
            rf"parts.late.step: expected 86400 s or a whole part of it, .* {step:g}"
        )
        with pytest.raises(BundleError, match=message):
            verify_declarations(tmp_path, replace(manifest, parts=parts))


def test_a_bundle_says_the_step_that_its_model_was_made_with(tmp_path: Path) -> None:
    bundle = bundle_of(model_of(PARTS), tmp_path)
    other = tuple(
        replace(part, step=HOUR) if part.name == "late" else part
        for part in bundle.manifest.parts
    )
    manifest = replace(bundle.manifest, parts=other)
    with pytest.raises(BundleError, match=r"late: step: found 3600.* makes 14400"):
        rebuild(tmp_path, manifest, {})


def test_a_parameter_is_learned_by_one_network_only() -> None:
    both = {**PARTS, "fixed": {**PARTS["fixed"], "gives": ["loss", "share"]}}
    with pytest.raises(ConfigError, match=r"late\.gives: 'share' is supplied by 'fix"):
        model_of(both)


def test_networks_of_two_steps_are_not_run_at_a_third(tmp_path: Path) -> None:
    bundle = bundle_of(model_of(PROMPT, steps=[HOUR / 2]), tmp_path)
    with pytest.raises(ConfigError, match="step every 1 h and every 4 h; at steps of"):
        Operation(bundle, HOUR / 2, HOUR / 2)
    model = bundle.model()
    with pytest.raises(ConfigError, match="'prompt' was trained at steps of 1 h"):
        model.simulate(*tensors(model, 20), dt=0.5)
    model = model_of(PARTS)
    with pytest.raises(ConfigError, match="'late' was trained at steps of 4 h and"):
        model.simulate(*tensors(model, 20), dt=3.0)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([5.0, 5.0, 5.0], "'late.steps' is 5, expected a whole number of 0 to 4"),
        ([0.5, 0.5, 0.5], "'late.steps' is 0.5, expected a whole number"),
        ([1.0, 2.0, 1.0], "'late.steps' differs from place to place"),
    ],
)
def test_a_state_that_is_in_no_step_of_a_period_is_refused(
    steps: list[float], message: str, model: Model
) -> None:
    state = model.initial_state(PLACES)
    state["late.steps"] = torch.tensor(steps, dtype=torch.float64)[:, None]
    with pytest.raises(StateError, match=message):
        model.simulate(*tensors(model, 5), state=state)
