"""A manifest that was changed is refused by key."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.bundle import load_bundle
from bmi_dmx.bundle.manifest import HASHED_BLOCKS, manifest_data
from bmi_dmx.errors import BundleError

from .river import edit, part, refused


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
        first, second = manifest_data(bundle.manifest), manifest_data(good.manifest)
        for block in HASHED_BLOCKS:
            assert first.get(block) == second.get(block)
        assert bundle.parts == good.parts
        assert bundle.fingerprint == good.fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("licence"), r"model\.yaml: licence: missing"),
        (lambda d: d.pop("format"), r"model\.yaml: format: missing; expected 2"),
        (lambda d: d.update(format="2"), r"format: found '2', expected 2"),
        (lambda d: d.update(format=0), r"format: found 0, expected 2"),
        (lambda d: d.update(format=3), r"format: found version 3, .* reads up to 2"),
        (
            lambda d: d.update(licens="MIT"),
            r"licens: unknown key; did you mean 'licence'",
        ),
        (lambda d: d["model"].update(members=5), r"model\.yaml: model: altered"),
        (lambda d: d["model"].update(menbers=3), r"model\.yaml: model: altered"),
        (lambda d: d["model"].pop("process"), r"model\.yaml: model: altered"),
        (lambda d: d.update(system="lakes"), r"model\.yaml: system: altered"),
        (lambda d: d.update(seconds=3600.0), r"model\.yaml: seconds: altered"),
        (lambda d: d["steps"].append(1800.0), r"model\.yaml: steps: altered"),
        (lambda d: d.update(space={"kind": "points"}), r"model\.yaml: space: altered"),
        (lambda d: d.update(answers=["runoff"]), r"model\.yaml: answers: altered"),
        (lambda d: d.update(fingerprint="0"), r"sha256: 'fingerprint' is missing"),
        (
            lambda d: d["statistics"]["aridity"].update(mean=9.0),
            r"model\.yaml: statistics: altered",
        ),
        (
            lambda d: part(d, "land")["variables"]["parameters"][0].update(
                bounds=[1, 7]
            ),
            r"model\.yaml: parts: altered",
        ),
        (lambda d: d["attributes"].pop(), r"model\.yaml: attributes: altered"),
        (
            lambda d: d["sha256"].pop("programs.json"),
            r"sha256: 'programs\.json' is missing",
        ),
        (lambda d: d.update(sha256=[]), r"sha256: found a list, expected a mapping"),
    ],
)
def test_a_changed_manifest_is_refused_by_key(folder, change, message):
    edit(folder, change)
    refused(folder, message)


@pytest.mark.parametrize("block", HASHED_BLOCKS[:-1])
def test_a_block_that_is_missing_is_named(folder, block):
    edit(folder, lambda d: d.pop(block))
    refused(folder, rf"model\.yaml: {block}: missing; its hash is there")


@pytest.mark.parametrize("block", HASHED_BLOCKS[:-1])
def test_a_hash_that_is_missing_is_named(folder, block):
    edit(folder, lambda d: d["sha256"].pop(block))
    refused(folder, rf"model\.yaml: sha256: '{block}' is missing")


@pytest.mark.parametrize("block", ["model", "seconds", "steps", "parts", "weights"])
def test_what_decides_numbers_cannot_be_left_out(folder, block):
    def leave_out(data):
        data.pop(block)
        data["sha256"].pop(block)

    edit(folder, leave_out)
    refused(folder, rf"model\.yaml: {block}: missing; it has no default")
