"""A manifest that was changed is refused by key."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.bundle import load_bundle
from bmi_dmx.errors import BundleError

from .river import edit, refused


@given(data=st.data())
@settings(max_examples=60)
def test_a_damaged_manifest_is_refused_or_decides_the_same_numbers(
    saved, tmp_path_factory, data
):
    folder = Path(shutil.copytree(saved, tmp_path_factory.mktemp("spoilt") / "river"))
    path = folder / "model.yaml"
    content = bytearray(path.read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    content[start : start + data.draw(st.integers(0, 20))] = data.draw(
        st.binary(max_size=6)
    )
    path.write_bytes(content)
    with contextlib.suppress(BundleError):
        bundle, good = load_bundle(folder), load_bundle(saved)
        assert bundle.spec == good.spec
        assert bundle.variables == good.variables
        assert bundle.fingerprint == good.fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("licence"), r"model\.yaml: licence: missing"),
        (lambda d: d.pop("format"), r"model\.yaml: format: missing; expected 1"),
        (lambda d: d.update(format="1"), r"format: found '1', expected 1"),
        (lambda d: d.update(format=2), r"format: found version 2, .* reads up to 1"),
        (
            lambda d: d.update(licens="MIT"),
            r"licens: unknown key; did you mean 'licence'",
        ),
        (lambda d: d["model"].update(members=5), r"model\.yaml: model: altered"),
        (
            lambda d: d["model"].update(menbers=3),
            r"model\.menbers: unknown key.*'members'",
        ),
        (lambda d: d["model"].pop("process"), r"model\.process: missing"),
        (
            lambda d: d["statistics"]["aridity"].update(mean=9.0),
            r"model\.yaml: statistics: altered",
        ),
        (
            lambda d: d["variables"]["process"]["parameters"][0].update(bounds=[1, 7]),
            r"model\.yaml: variables: altered",
        ),
        (
            lambda d: d["sha256"].pop("programs.json"),
            r"sha256: 'programs\.json' is missing",
        ),
    ],
)
def test_a_changed_manifest_is_refused_by_key(folder, change, message):
    edit(folder, change)
    refused(folder, message)
