"""Checkpoints: whole or not there, read without running anything, of one model."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.errors import StateError
from bmi_dmx.trainer import checkpoint, fit
from bmi_dmx.trainer.checkpoint import AtomicCheckpoints, load_model, read_checkpoint

OWN = {"layout": checkpoint.LAYOUT, "step": 3, "names": ["a"]}
WRITTEN = {checkpoint.OWN: OWN, "x": torch.arange(4.0)}


def test_a_checkpoint_is_read_back_as_written(tmp_path: Path) -> None:
    files, path = AtomicCheckpoints(), tmp_path / "new" / "x.ckpt"
    files.save_checkpoint(WRITTEN, path)
    content = files.load_checkpoint(path)
    assert content.keys() == WRITTEN.keys()
    assert content[checkpoint.OWN] == WRITTEN[checkpoint.OWN]
    assert torch.equal(content["x"], WRITTEN["x"])


@pytest.fixture
def short_of_room() -> Iterator[None]:
    """No file can become longer than a few hundred bytes, as on a full disk."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    files, path = AtomicCheckpoints(), tmp_path / "x.ckpt"
    files.save_checkpoint(WRITTEN, path)
    before = path.read_bytes()
    request.getfixturevalue("short_of_room")
    with pytest.raises(OSError, match=r"File too large.*x\.ckpt"):
        files.save_checkpoint(WRITTEN, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_removing_a_checkpoint_twice_is_no_error(tmp_path: Path) -> None:
    files, path = AtomicCheckpoints(), tmp_path / "x.ckpt"
    files.save_checkpoint(WRITTEN, path)
    files.remove_checkpoint(path)
    assert not path.exists()
    files.remove_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 cut short"])
def test_what_is_no_checkpoint_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(content)
    with pytest.raises(
        StateError, match=r"x\.ckpt: not a readable checkpoint, damaged"
    ):
        read_checkpoint(path)


@settings(max_examples=200)
@given(place=st.integers(0, 2**20), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed(tiny_checkpoint: bytes, place: int, bit: int) -> None:
    content = bytearray(tiny_checkpoint)
    content[place % len(content)] ^= 1 << bit
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.ckpt"
        path.write_bytes(content)
        with pytest.raises(StateError, match=r"x\.ckpt: "):
            read_checkpoint(path)


@pytest.fixture(scope="module")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a checkpoint that is read without complaint."""
    path = tmp_path_factory.mktemp("checkpoint") / "x.ckpt"
    content = {checkpoint.OWN: {"layout": checkpoint.LAYOUT}, "w": torch.arange(99.0)}
    AtomicCheckpoints().save_checkpoint(content, path)
    assert torch.equal(read_checkpoint(path)["w"], content["w"])
    return path.read_bytes()


def test_a_seal_that_was_cut_off_is_missed(
    tiny_checkpoint: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(tiny_checkpoint[: -len(checkpoint.SEAL) - 32])
    with pytest.raises(
        StateError, match=r"x\.ckpt: damaged or cut short: found no seal"
    ):
        read_checkpoint(path)


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"x\.ckpt: no such file"):
        read_checkpoint(tmp_path / "x.ckpt")


class Evil:
    """Executes something when it is unpickled."""

    def __reduce__(self) -> Any:
        return (os.mkdir, ("executed",))


def test_a_checkpoint_never_executes_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({checkpoint.OWN: Evil()}, "evil.ckpt")
    with pytest.raises(StateError, match=r"evil\.ckpt: not a readable checkpoint"):
        read_checkpoint(Path("evil.ckpt"))
    assert not Path("executed").exists()


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save({"a": 1}, tmp_path / "x.ckpt")
    with pytest.raises(StateError, match="not a checkpoint of a training"):
        read_checkpoint(tmp_path / "x.ckpt")


@pytest.mark.parametrize("own", [{}, {"layout": checkpoint.LAYOUT + 1}])
def test_a_checkpoint_of_another_version_is_refused(
    own: dict[str, int], tmp_path: Path
) -> None:
    torch.save({checkpoint.OWN: own}, tmp_path / "x.ckpt")
    with pytest.raises(StateError, match=r"x\.ckpt: found layout .*, expected 3: .*"):
        read_checkpoint(tmp_path / "x.ckpt")


def test_another_model_is_refused(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    config = folder / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("members: 2", "members: 3"), encoding="utf-8")
    run = fit.RunFolder(folder)
    with pytest.raises(StateError, match="made with another model"):
        load_model(run.best, run.experiment().model)


def test_random_numbers_of_all_kinds_are_restored() -> None:
    def draw() -> tuple[float, ...]:
        return random.random(), np.random.normal(), float(torch.rand(1))  # noqa: NPY002

    checkpoint.seed_everything(1)
    draw()
    state = checkpoint.random_state()
    first = draw()
    draw()
    checkpoint.restore_random_state(state)
    assert draw() == first
