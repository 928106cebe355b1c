"""Bundles of any model: at its steps, without networks, without forcing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.bundle import Bundle, load_bundle, save_bundle
from bmi_dmx.compose import Model
from bmi_dmx.errors import BundleError, ConfigError
from bmi_dmx.registries import processes
from tests.systems import ATTRIBUTES, BLOCK, changed, made, tensors, voltages

from . import numeric
from .river import change_weights, edit, part, refused, sign

TEXTS = {"licence": "CC0-1.0", "provenance": {"sources": ["none"]}, "scores": {}}
OUTPUTS = ("heat", "rated", "gained", "cooling", "warmth", "released", "power")
UNLEARNED: dict[str, Any] = {
    "seconds": 3600,
    "parts": {"lamp": {"process": "lamp"}, "tank": {"process": "boiler"}},
}
KNOWN = {
    "resistance": np.array([50.0, 200.0]),
    "leak": np.array([0.1, 0.01]),
    "age": np.array([3.0, 5.0]),
}


def saved(model: Model, folder: Path) -> Bundle:
    return save_bundle(model, folder / "heat", **TEXTS)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return saved(made(BLOCK), tmp_path_factory.mktemp("systems"))


@pytest.mark.parametrize("seconds", [3600.0, 1800.0, 600.0])
def test_a_bundle_runs_at_every_step_it_was_made_for(
    bundle: Bundle, seconds: float
) -> None:
    assert bundle.manifest.steps == (3600.0, 1800.0, 600.0)
    forcing = voltages(20)
    with torch.no_grad():
        expected = bundle.model().simulate(
            tensors(forcing), tensors(ATTRIBUTES), dt=seconds / 3600.0, outputs=OUTPUTS
        )
    outputs = numeric.run(bundle, forcing, ATTRIBUTES, seconds, OUTPUTS)
    for name in OUTPUTS:
        np.testing.assert_allclose(
            outputs[name], expected.outputs[name], rtol=1e-12, atol=1e-15, err_msg=name
        )


def test_only_what_depends_on_the_step_is_there_for_each(bundle: Bundle) -> None:
    radiators = [f"radiator{what}@{s}" for s in (3600, 1800, 600)
                 for what in ("", ".prepare")]  # fmt: skip
    assert set(bundle.programs) == {"wiring", "lamp", "tank", *radiators}
    radiator = bundle.plan["radiator"]
    assert set(radiator.at) == {"1800", "600"}
    assert radiator.declared(600.0).states[0].size == 18


def test_a_model_comes_back_as_it_was(bundle: Bundle) -> None:
    model, again = made(BLOCK), bundle.model()
    assert again.spec == model.spec
    assert again.plan.parts == model.plan.parts == bundle.parts
    assert again.dtype == torch.float64
    forcing = tensors(voltages(20))
    first, second = (
        m.simulate(forcing, tensors(ATTRIBUTES), outputs=OUTPUTS)
        for m in (model, again)
    )
    for name in OUTPUTS:
        assert torch.equal(first.outputs[name], second.outputs[name])


def test_it_has_no_system_and_answers_what_its_last_part_gives(bundle: Bundle) -> None:
    assert bundle.manifest.system is None
    assert bundle.manifest.answers == ("warmth", "released", "power")
    assert [a.name for a in bundle.manifest.attributes] == ["size", "slope", "age"]


def test_a_model_that_learns_nothing_is_a_bundle_too(tmp_path: Path) -> None:
    model = made(UNLEARNED)
    assert not model.state_dict()
    bundle = saved(model, tmp_path)
    assert bundle.weights == bundle.constants == bundle.statistics == {}
    forcing = voltages(10)
    names = ("heat", "cooling", "aged")
    with torch.no_grad():
        expected = bundle.model().simulate(
            tensors(forcing), tensors(KNOWN), outputs=names
        )
    assert bundle.model().dtype == torch.float64
    outputs = numeric.run(bundle, forcing, KNOWN, 3600.0, names)
    for name in names:
        np.testing.assert_allclose(outputs[name], expected.outputs[name], rtol=1e-12)
    other = saved(made({**UNLEARNED, "seconds": 1800}), tmp_path / "other")
    assert other.manifest.seconds == 1800.0


def test_arrays_that_a_model_without_networks_cannot_have_are_refused(
    tmp_path: Path,
) -> None:
    folder = saved(made(UNLEARNED), tmp_path).path
    change_weights(folder, lambda w: w.update(extra=np.zeros(2)))
    refused(folder, r"unexpected .*weights\.safetensors: array 'extra'")


def test_a_part_without_forcing_is_saved(tmp_path: Path) -> None:
    block = {"seconds": 600, "parts": {"sun": {"process": "sun"}}}
    bundle = saved(made(block), tmp_path)
    outputs = numeric.run(bundle, {"": np.zeros((2, 2))}, ATTRIBUTES, 600.0, ("heat",))
    np.testing.assert_array_equal(outputs["heat"], [[100.0, 250.0]] * 2)
    assert bundle.plan.forcings == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: d["steps"].append(900.0),
            r"programs\.json: program 'radiator(\.prepare)?@900' is missing",
        ),
        (
            lambda d: d["steps"].remove(600.0),
            r"unexpected .*program 'radiator(\.prepare)?@600'",
        ),
        (
            lambda d: part(d, "radiator")["at"].pop("600"),
            r"radiator@600: input 's\.waiting\.\d+'",
        ),
        (
            lambda d: part(d, "radiator").update(timed=False),
            r"program 'radiator(\.prepare)?' is missing",
        ),
        (
            lambda d: part(d, "tank")["variables"]["forcings"][0].update(units="kg"),
            r"model\.yaml: tank\.heat: units 'W' cannot be converted into 'kg'",
        ),
        (
            lambda d: part(d, "tank")["variables"]["parameters"][0].update(
                spacing="cubic"
            ),
            r"spacing: unknown value 'cubic'",
        ),
        (
            lambda d: part(d, "tank").update(every="never"),
            r"parts\.2\.every: unknown value 'never'",
        ),
        (lambda d: d.update(space={"kind": "globe"}), r"model\.yaml: .*'globe'"),
        (
            lambda d: d.update(seconds=0.0),
            r"model\.yaml: seconds: found 0\.0, expected a number above 0",
        ),
        (
            lambda d: d["steps"].append(-1.0),
            r"model\.yaml: steps: found -1\.0, expected a number above 0",
        ),
        (
            lambda d: d.update(steps=[600.0]),
            r"model\.yaml: steps: 3600, the trained one, is missing",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    bundle: Bundle, tmp_path: Path, change: Any, message: str
) -> None:
    folder = saved(made(BLOCK), tmp_path).path
    edit(folder, change)
    sign(folder)
    refused(folder, message)


def test_a_part_that_is_not_registered_is_no_obstacle_to_running(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was traced needs no code; who wants the model needs it."""
    monkeypatch.delitem(processes._entries, "radiator")
    again = load_bundle(bundle.path)
    outputs = numeric.run(again, voltages(3), ATTRIBUTES, 3600.0, ("warmth",))
    assert np.isfinite(outputs["warmth"]).all()
    with pytest.raises(BundleError, match=r"model: .*unknown process 'radiator'"):
        again.model()


def test_steps_that_do_not_suit_a_part_are_refused_when_it_is_made() -> None:
    with pytest.raises(ConfigError, match=r"steps: found 0\.0, expected a number"):
        made(changed(steps=[0.0]))
