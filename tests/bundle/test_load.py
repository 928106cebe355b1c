"""What a bundle gives back, and files that are not what was saved."""

from __future__ import annotations

import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bmi_dmx.bundle.load as loading
from bmi_dmx.bundle import load_bundle
from bmi_dmx.errors import BundleError
from bmi_dmx.registry import Registry

from .river import FILES, TEXTS, refused, sign


def test_a_bundle_keeps_what_was_said_about_the_model(saved):
    bundle = load_bundle(saved)
    assert bundle.name == "river"
    assert bundle.manifest.licence == "Apache-2.0"
    assert bundle.manifest.provenance == TEXTS["provenance"]
    assert bundle.manifest.scores == {"nse": 0.7}
    attributes = {a.name: a for a in bundle.manifest.attributes}
    assert attributes["area_km2"].units == "km2"
    assert attributes["latitude"].units == "degrees_north"
    forcings = [f.name for f in bundle.plan.forcings]
    assert forcings == ["precipitation", "air_temperature", "day_of_year"]


def test_shared_weights_cannot_be_changed(saved):
    bundle = load_bundle(saved)
    for arrays in (bundle.weights, bundle.constants):
        with pytest.raises(ValueError, match="read-only"):
            next(iter(arrays.values()))[...] = 0.0


def test_loading_needs_no_torch_and_making_the_model_leaves_its_random_numbers(saved):
    code = (
        "import sys; from bmi_dmx.bundle import load_bundle;"
        f"bundle = load_bundle({str(saved)!r}); assert 'torch' not in sys.modules;"
        "import torch; state = torch.get_rng_state(); bundle.model();"
        "assert torch.equal(state, torch.get_rng_state())"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["model.yaml", "weights.safetensors"])
def test_a_file_of_a_bundle_is_not_the_bundle(saved, name):
    told = f"is a file, expected the folder of a bundle '{re.escape(str(saved))}'"
    with pytest.raises(BundleError, match=told):
        load_bundle(saved / name)


def test_an_archive_is_to_be_unpacked(saved, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "river"), "zip", saved)
    with pytest.raises(BundleError, match=r"river\.zip: is a file, .*; unpack it"):
        load_bundle(archive)


def test_a_folder_that_holds_a_bundle_leads_to_it(saved):
    told = f"'model.yaml' is missing; there is one in '{re.escape(str(saved))}'"
    with pytest.raises(BundleError, match=told):
        load_bundle(saved.parent)


def test_a_bundle_is_found_by_its_name(saved, monkeypatch):
    monkeypatch.setattr(loading, "bundles", Registry("bundle", {"dhbv-river": saved}))
    assert load_bundle("dhbv-river").path == saved
    with pytest.raises(BundleError, match=r"no such folder.*did you mean 'dhbv-river'"):
        load_bundle("dhbv-rivr")


def test_a_training_is_no_bundle(tmp_path):
    (tmp_path / "config.yaml").touch()
    refused(tmp_path, "is the folder of a training; dmx export makes a bundle of it")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    refused(folder, f"river: file '{name}' is missing")


@pytest.mark.parametrize("name", FILES[1:])
def test_a_truncated_file_is_refused(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    refused(folder, rf"^\S+{name} \({len(content) // 2} bytes\): altered or truncated")


@given(data=st.data())
@settings(max_examples=30)
def test_any_changed_byte_is_found(saved, tmp_path_factory, data):
    folder = Path(shutil.copytree(saved, tmp_path_factory.mktemp("spoilt") / "river"))
    path = folder / data.draw(st.sampled_from(FILES[1:]))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(
        st.integers(1, 255)
    )
    path.write_bytes(content)
    refused(folder, "altered or truncated")


def test_programs_that_are_not_json_are_refused(folder):
    (folder / "programs.json").write_text("{", encoding="utf-8")
    sign(folder)
    refused(folder, r"programs\.json: not JSON")


def test_nothing_in_a_bundle_is_executed(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    (folder / "weights.safetensors").write_bytes(pickle.dumps(Trap()))
    sign(folder)
    refused(folder, r"weights\.safetensors: not a whole safetensors file")
    (folder / "model.yaml").write_text(
        f"!!python/object/apply:os.mkdir ['{tmp_path / 'sprung'}']", encoding="utf-8"
    )
    refused(folder, r"model\.yaml.*not valid YAML")
    assert not (tmp_path / "sprung").exists()
