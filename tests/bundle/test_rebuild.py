"""The model comes back bit by bit, or not at all."""

from __future__ import annotations

import pytest
import torch

from bmi_dmx.bundle import load_bundle, save_bundle
from bmi_dmx.compose import Model
from bmi_dmx.errors import BundleError

from .river import PLACES, TEXTS, edit, make, part, series, sign


@pytest.fixture(scope="module", params=[False, True], ids=["static", "lstm"])
def model(request) -> Model:
    return make(dynamic=request.param)


def test_a_bundle_gives_back_the_model_bit_by_bit(model, tmp_path):
    bundle = save_bundle(model, tmp_path / "river", **TEXTS)
    again = bundle.model()
    assert not again.training
    assert again.spec == model.spec
    for name, weight in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name
    forcing = {n: torch.from_numpy(x) for n, x in series(50).items()}
    places = {n: torch.from_numpy(x) for n, x in PLACES.items()}
    first = model.eval().simulate(forcing, places)
    second = again.simulate(forcing, places)
    assert torch.equal(first.outputs["streamflow"], second.outputs["streamflow"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: part(d, "land")["variables"]["parameters"][1].update(
                bounds=[1, 2000]
            ),
            r"parts: land: parameters: fc: bounds: found \(1\.0, 2000\.0\), .* "
            r"declares \(50, 1000\)",
        ),
        (
            lambda d: part(d, "land")["variables"]["states"][0].update(initial=1.0),
            r"parts: land: states: snowpack: initial: found 1\.0, .* declares 0\.001",
        ),
        (
            lambda d: d["model"].update(menbers=3),
            r"model\.yaml: model: menbers: unknown key.*'members'",
        ),
        (lambda d: d["model"].pop("process"), r"model: process: missing"),
        (
            lambda d: d["model"].update(members=5),
            r"parts: land: members: found 3; this version of bmi_dmx makes 5",
        ),
        (
            lambda d: d["model"].update(routing="none"),
            r"static: gives: found beta.*routing_b; this version .* makes beta.* c$",
        ),
        (
            lambda d: d["model"].pop("dynamic"),
            r"model: transforms: 'precipitation' is no input",
        ),
        (
            lambda d: d["model"]["static"].update(parameters=["fc"]),
            r"model: static\.parameters: 'beta' of 'hbv11p' has no default",
        ),
        (
            lambda d: d["model"]["static"].update(hidden=[9]),
            r"'static\.network\.hidden\.0\.weight' has shape \(8, 2\).*\(9, 2\)",
        ),
    ],
)
def test_a_model_is_not_rebuilt_with_another_meaning(folder, change, message):
    edit(folder, change)
    sign(folder)
    with pytest.raises(BundleError, match=message):
        load_bundle(folder).model()
