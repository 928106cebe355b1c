"""Files and folders are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bmi_dmx import files
from bmi_dmx.files import atomic, atomic_folder, wanted_from, writing

STOPS = [ValueError, KeyboardInterrupt, SystemExit]
"""An error, Ctrl-C, and the end of the program."""


def content(folder: Path) -> dict[str, str]:
    """Return the text of every file of a folder, hidden ones too, by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "x.txt"
    with atomic(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        assert not path.exists()
        temporary.write_text("whole", encoding="utf-8")
    assert content(tmp_path) == {"new/deep/x.txt": "whole"}


def test_an_older_file_is_read_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old", encoding="utf-8")
    with atomic(path) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert content(tmp_path) == {"x.txt": "new"}


def test_the_temporary_file_lies_beside_and_keeps_the_suffix(tmp_path: Path) -> None:
    # Libraries choose the format by the suffix; a rename needs the same disk.
    with atomic(tmp_path / "x.tar.gz") as one, atomic(tmp_path / "x.tar.gz") as other:
        assert one.parent == other.parent == tmp_path
        assert one.suffix == ".gz"
        assert one != other
        one.touch()
        other.touch()


@pytest.mark.parametrize("stop", STOPS)
def test_an_interrupted_file_leaves_the_old_one_and_nothing_else(
    stop: type[BaseException], tmp_path: Path
) -> None:
    (tmp_path / "x.txt").write_text("old", encoding="utf-8")
    with pytest.raises(stop), atomic(tmp_path / "x.txt") as temporary:  # noqa: PT012
        temporary.write_text("half", encoding="utf-8")
        raise stop
    assert content(tmp_path) == {"x.txt": "old"}


def test_a_file_that_was_never_written_does_not_replace_the_old_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "x.txt").write_text("old", encoding="utf-8")
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "x.txt"):
        pass
    assert content(tmp_path) == {"x.txt": "old"}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder that is there already."""
    folder = tmp_path / "run"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "old.txt").write_text("old", encoding="utf-8")
    return folder


def test_a_folder_replaces_the_old_one_with_all_it_held(old: Path) -> None:
    with atomic_folder(old) as temporary:
        (temporary / "new.txt").write_text("new", encoding="utf-8")
        assert content(old) == {"deep/old.txt": "old"}
    assert content(old.parent) == {"run/new.txt": "new"}
    assert list(old.parent.iterdir()) == [old]


@pytest.mark.parametrize("stop", STOPS)
def test_an_interrupted_folder_leaves_the_old_one_and_nothing_else(
    stop: type[BaseException], old: Path
) -> None:
    with pytest.raises(stop), atomic_folder(old) as temporary:  # noqa: PT012
        (temporary / "half.txt").touch()
        raise stop
    assert content(old.parent) == {"run/deep/old.txt": "old"}
    assert list(old.parent.iterdir()) == [old]


def test_an_interrupted_new_folder_is_not_there_at_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), atomic_folder(tmp_path / "run"):
        raise ValueError("stop")
    assert not list(tmp_path.iterdir())


FOREVER = """
import itertools, sys
from pathlib import Path
from bmi_dmx.files import atomic_folder
print(flush=True)
for k in itertools.count():
    with atomic_folder(sys.argv[1], durable=False) as made:
        for name in "ab":
            (made / name).write_text(str(k), encoding="utf-8")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="folders change places on Linux")
def test_a_kill_at_any_moment_leaves_a_whole_folder(tmp_path: Path) -> None:
    target = tmp_path / "run"
    rng = random.Random(3)
    command = [sys.executable, "-c", FOREVER, str(target)]
    reached = 0
    # A busy machine may not let the writer write before it is killed; then later.
    for attempt in range(40):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(rng.uniform(0.005, 0.05 + 0.02 * attempt))
            writer.kill()
        if target.exists() or reached:
            files = content(target)
            assert set(files) == {"a", "b"}
            assert files["a"] == files["b"]
            reached += 1
        if reached == 6:
            return
    pytest.fail(f"the folder was there after {reached} of 40 kills")


@pytest.mark.parametrize("alive", [False, True], ids=["killed", "alive"])
def test_what_killed_writers_left_is_removed(
    alive: bool, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_ABANDONED", -1.0)
    others = [old.with_name(f".other.{'0' * 32}"), old.with_name(".run.notes")]
    for other in others:
        other.mkdir()
    leftover = old.with_name(f".run.{'0' * 32}")
    leftover.mkdir()
    holding = files.locked(leftover) if alive else contextlib.nullcontext()
    with holding, atomic_folder(old) as temporary:
        (temporary / "new.txt").touch()
    expected = {old, *others, *([leftover] if alive else [])}
    assert set(old.parent.iterdir()) == expected


def test_the_file_that_was_wanted_is_named_and_not_the_temporary_one(
    tmp_path: Path,
) -> None:
    target, other = tmp_path / "x.nc", tmp_path / "y.nc"
    for error, expected in (
        (OSError(errno.ENOSPC, "No space left on device"), target),
        (OSError(errno.ENOENT, "No such file or directory", str(other)), other),
    ):
        with pytest.raises(OSError, match=error.strerror) as raised, atomic(target):
            raise error
        assert raised.value.filename == str(expected)
    with pytest.raises(PermissionError) as raised, atomic_folder(target) as temporary:
        raise PermissionError(errno.EACCES, "Permission denied", str(temporary / "a"))
    assert raised.value.filename == str(target / "a")


LIMITED = """
import resource, signal, sys
from pathlib import Path
import netCDF4, numpy as np
from bmi_dmx.files import wanted_from, writing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
path = Path(sys.argv[1])
try:
    with writing(path), netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 10_000)
        file.createVariable("v", "f8", ("x",))[:] = np.random.rand(10_000)
except OSError as error:
    print(error.filename, error.strerror)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit as Linux has it")
def test_what_netcdf_says_of_a_full_disk_becomes_an_error_of_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.nc"
    command = [sys.executable, "-c", LIMITED, str(path)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.stdout.startswith(
        f"{path} cannot be written, perhaps for lack of room"
    )


def test_other_failures_of_libraries_stay_what_they_are(tmp_path: Path) -> None:
    for fault in (RuntimeError("a fault"), OSError("a fault")):
        with pytest.raises(type(fault), match="a fault") as raised, writing(tmp_path):
            raise fault
        assert raised.value is fault


def test_an_old_folder_comes_back_when_the_new_one_cannot_be_put_there(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def failing(source: Any, target: Any) -> None:
        if (Path(source) / "new.txt").exists():
            raise PermissionError("not here")
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    monkeypatch.setattr(files, "_exchanged", lambda one, other: False)
    with (
        pytest.raises(PermissionError, match="not here"),
        atomic_folder(old) as temporary,
    ):
        (temporary / "new.txt").touch()
    assert content(old.parent) == {"run/deep/old.txt": "old"}
    assert list(old.parent.iterdir()) == [old]


LEAVES = """
import os, sys
from pathlib import Path
from bmi_dmx.files import wanted_from, atomic, atomic_folder
with atomic(sys.argv[1]) as file, atomic_folder(sys.argv[2]) as folder:
    file.touch()
    print(file, folder, sep="\\n", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes have numbers on Linux")
@pytest.mark.parametrize("alive", [False, True], ids=["killed", "alive"])
@pytest.mark.parametrize("writes", [atomic, atomic_folder])
def test_the_next_writer_removes_what_a_killed_one_left(
    writes: Any, alive: bool, tmp_path: Path
) -> None:
    """Of whatever target in that folder, but of no other file."""
    others = [".notes.0123456789abcdef.txt", f".x.{'0' * 32}.txt", f".{'g' * 32}", "x"]
    for name in others:
        (tmp_path / name).touch()
    command = [sys.executable, "-c", LEAVES, str(tmp_path / "a"), str(tmp_path / "b")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        leftovers = [Path(writer.stdout.readline().strip()) for _ in "ab"]
        assert all(path.exists() for path in leftovers)
        if not alive:
            writer.kill()
            writer.wait()
        with writes(tmp_path / "new") as temporary:
            (temporary / "x" if writes is atomic_folder else temporary).touch()
        assert [path.exists() for path in leftovers] == [alive, alive]
        writer.kill()
    assert all((tmp_path / name).exists() for name in others)


def test_a_folder_of_files_is_looked_through_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []
    monkeypatch.setattr(files, "_remove_abandoned", looked.append)
    for name in "abc":
        with atomic(tmp_path / name) as temporary:
            temporary.touch()
    assert looked == [tmp_path / "a"]


def test_what_cannot_be_asked_after_is_removed_when_it_is_old(tmp_path: Path) -> None:
    elsewhere, other = tmp_path / f".x.{'0' * 32}.nc", tmp_path / f".y.{'0' * 32}.nc"
    for age, there in ((3600.0, True), (2 * 86400.0, False)):
        for path in (elsewhere, other):
            path.touch()
            os.utime(path, times=(time.time() - age,) * 2)
        files._remove_abandoned(tmp_path / "x.nc")
        assert elsewhere.exists() is there
        assert other.exists()


@pytest.mark.parametrize("killed", ["before", "after"])
def test_an_old_folder_comes_back_after_a_kill_between_two_renames(
    killed: str, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where folders cannot change places at once."""
    replace, calls = os.replace, []

    def stopped(source: Any, target: Any) -> None:
        calls.append(source)
        if killed == "before" and len(calls) == 2:
            raise KeyboardInterrupt
        replace(source, target)

    def kept(*_: Any, **__: Any) -> None:
        """Leave all there is, as a kill does."""

    with monkeypatch.context() as patch:
        patch.setattr(files, "_exchanged", lambda one, other: False)
        patch.setattr(os, "replace", stopped)
        patch.setattr("shutil.rmtree", kept)
        with (
            contextlib.suppress(KeyboardInterrupt),
            atomic_folder(old) as temporary,
        ):
            (temporary / "new.txt").touch()
    assert old.exists() is (killed == "after")
    files._remove_abandoned(old)
    expected = {"deep/old.txt": "old"} if killed == "before" else {"new.txt": ""}
    assert content(old) == expected


def test_a_folder_is_no_place_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    with pytest.raises(IsADirectoryError, match="is a folder"), atomic(tmp_path):
        raise AssertionError
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]


def test_the_file_that_parts_are_kept_for_is_named(tmp_path: Path) -> None:
    pieces, target = tmp_path / ".x.nc.pieces", tmp_path / "x.nc"
    for path, error, expected in (
        (pieces / "piece-0.npz", errno.EFBIG, target),
        (pieces, errno.ENOENT, target),
        (pieces, errno.EEXIST, pieces),  # a file that is in the way
        (tmp_path / "other.nc", errno.EACCES, tmp_path / "other.nc"),
    ):
        problem = OSError(error, "reason", str(path))
        with (
            pytest.raises(OSError, match="reason") as raised,
            wanted_from(pieces, target),
        ):
            raise problem
        assert raised.value.filename == str(expected)


@pytest.mark.parametrize("writes", [atomic, atomic_folder])
def test_a_link_stays_and_what_it_leads_to_is_replaced(
    tmp_path: Path, writes: Any
) -> None:
    large, link = tmp_path / "other disk" / "x", tmp_path / "x"
    large.parent.mkdir()
    link.symlink_to(large)
    for _ in range(2):  # the first finds nothing at the end of the link
        with writes(link) as temporary:
            assert temporary.parent == large.parent
            (temporary / "y" if temporary.is_dir() else temporary).write_text(
                "new", encoding="utf-8"
            )
        assert link.is_symlink()
        assert list(content(large.parent).values()) == ["new"]


@pytest.mark.parametrize("writes", [atomic, atomic_folder])
@pytest.mark.parametrize("by_link", [False, True])
def test_the_place_of_a_device_is_not_taken(
    tmp_path: Path, writes: Any, by_link: bool
) -> None:
    device = target = tmp_path / "pipe"
    os.mkfifo(device)
    if by_link:
        target = tmp_path / "link"
        target.symlink_to(device)
    with pytest.raises(OSError, match="is a device or pipe"), writes(target):
        raise AssertionError("nothing is written")
    assert device.is_fifo()
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", target.name}
