"""What is saved is whole, and what cannot be saved changes nothing."""

from __future__ import annotations

import math

import pytest
import torch

from bmi_dmx.bundle import load_bundle, save_bundle
from bmi_dmx.errors import BundleError

from .river import FILES, TEXTS, make


def test_the_fingerprint_is_that_of_the_numbers(tmp_path):
    first = save_bundle(make(dynamic=True), tmp_path / "a", **TEXTS)
    same = save_bundle(make(dynamic=True), tmp_path / "b", **{**TEXTS, "scores": {}})
    other = save_bundle(make(dynamic=True, seed=1), tmp_path / "c", **TEXTS)
    assert first.fingerprint == same.fingerprint
    assert first.fingerprint != other.fingerprint


def test_an_older_bundle_is_replaced_only_on_request(saved, folder):
    with pytest.raises(BundleError, match="exists already"):
        save_bundle(make(dynamic=True, seed=1), folder, **TEXTS)
    assert load_bundle(folder).fingerprint == load_bundle(saved).fingerprint
    new = save_bundle(make(dynamic=True, seed=1), folder, **TEXTS, overwrite=True)
    assert new.fingerprint != load_bundle(saved).fingerprint
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("value", [object(), math.nan, {"deep": [1j]}])
def test_a_bundle_that_cannot_be_written_leaves_all_as_it_was(folder, value):
    before = {name: (folder / name).read_bytes() for name in FILES}
    with pytest.raises(BundleError, match=r"model\.yaml: scores: it: "):
        save_bundle(
            make(dynamic=True),
            folder,
            **{**TEXTS, "scores": {"it": value}},
            overwrite=True,
        )
    assert {name: (folder / name).read_bytes() for name in FILES} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_model_with_weights_that_are_no_numbers_is_not_saved(tmp_path):
    model = make(dynamic=True)
    with torch.no_grad():
        model.static.network.output.bias[0] = torch.nan
    with pytest.raises(BundleError, match=r"'static\.network\.output\.bias' has 1 of"):
        save_bundle(model, tmp_path / "river", **TEXTS)
    assert not list(tmp_path.iterdir())
