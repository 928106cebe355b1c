"""Kernels are compiled once, whoever asks, and missed only in speed."""

from __future__ import annotations

import errno
import multiprocessing
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bmi_dmx import files
from bmi_dmx.errors import ScanError, SlowerWarning
from bmi_dmx.kernels import build
from bmi_dmx.logs import logged
from bmi_dmx.models.hydrology.hbv import Hbv
from bmi_dmx.scan import cells, scan
from tests.scan.cases import some_case

SOURCE = """
#include <stdint.h>
int forward(const void *s, int64_t a, int64_t b) {{ return {answer}; }}
int step(const void *s) {{ return {answer}; }}
int64_t groups(int64_t locations, int64_t members) {{ return 0; }}
int64_t scan_words(void) {{ return 0; }}
"""


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder, and none of the kernels already loaded."""
    monkeypatch.setenv("BMI_DMX_CACHE", str(tmp_path))
    caches = (build.library, build._warn_once, build._tell_where, cells._entry)
    for cached in caches:
        cached.cache_clear()
    yield tmp_path
    for cached in caches:
        cached.cache_clear()


def test_who_waits_for_kernels_is_told_so_and_what_is_there_is_not_made_again(
    fresh: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [SOURCE.format(answer=k) for k in range(3)]
    assert answer(sources[1]) == 1
    build._tell_where.cache_clear()
    with logged():
        build.compile_missing(sources, "three")
        build.compile_missing(sources, "three")
    said = capsys.readouterr().err
    assert said.splitlines() == [
        f"compiling kernels; they are kept in {fresh}",
        "three: compiling 2 of 3 kernels",
    ]
    assert [answer(source) for source in sources] == [0, 1, 2]


def answer(source: str) -> int:
    library = build.load(source)
    assert library is not None
    return int(library.forward(None, 0, 0))


def test_a_kernel_is_compiled_once(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SOURCE.format(answer=42)
    assert answer(source) == 42
    (kernel,) = fresh.iterdir()
    build.library.cache_clear()
    monkeypatch.setattr(build, "compiler", lambda: pytest.fail("compiled again"))
    assert answer(source) == 42
    assert list(fresh.iterdir()) == [kernel]


def test_other_sources_and_targets_are_other_kernels(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answer(SOURCE.format(answer=1)) == 1
    assert answer(SOURCE.format(answer=2)) == 2
    build.library.cache_clear()
    monkeypatch.setenv("BMI_DMX_MARCH", "x86-64")
    assert answer(SOURCE.format(answer=1)) == 1
    assert len(list(fresh.iterdir())) == 3


def test_processes_may_compile_the_same_kernel_at_once(fresh: Path) -> None:
    source = SOURCE.format(answer=7)
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(answer, [source] * 8) == [7] * 8
    assert [path.suffix for path in fresh.iterdir()] == [".so"]


def test_bad_source_shows_what_the_compiler_said(fresh: Path) -> None:
    with pytest.warns(RuntimeWarning, match="could not compile a kernel"):
        assert build.load("int forward( {") is None
    with pytest.raises(ScanError, match="could not compile a kernel"):
        build.compile_for("x86-64", "int forward( {", fresh)
    assert not list(fresh.glob("**/*.so"))


@pytest.mark.parametrize("unknown", ["-mprefer", "-fno-tree", "-fopenmp"])
def test_flags_that_a_compiler_does_not_know_are_left_out(
    unknown: str, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fresh / "old-cc"
    real = " ".join(build.compiler() or [])
    old.write_text(
        f'#!/bin/sh\nfor word; do case "$word" in {unknown}*) exit 1;; esac; done\n'
        f'exec {real} "$@"\n',
        encoding="utf-8",
    )
    old.chmod(0o755)
    monkeypatch.setenv("CC", str(old))
    assert answer(SOURCE.format(answer=5)) == 5


def test_without_a_compiler_the_loop_runs_and_says_so_once(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    case = some_case(Hbv())
    arguments = (case.process, case.state, case.forcing, case.parameters)
    with pytest.warns(RuntimeWarning, match="CC is .no-such-compiler."):
        ours = scan(*arguments)
    scan(*arguments, outputs=["runoff"])  # a second warning would be an error
    expected = scan(*arguments, backend="reference")
    assert torch.equal(ours.outputs["runoff"], expected.outputs["runoff"])


def test_an_unusable_cache_folder_is_said(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied = fresh / "file"
    occupied.touch()
    monkeypatch.setenv("BMI_DMX_CACHE", str(occupied))
    with pytest.warns(RuntimeWarning, match=f"kernel cache {occupied} is not usable"):
        assert build.load(SOURCE.format(answer=3)) is None
    build.load(SOURCE.format(answer=4))  # a second warning would be an error


def test_at_the_command_line_it_is_one_line_without_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with warnings.catch_warnings(), logged():
        warnings.simplefilter("always")
        warnings.warn("no compiler", SlowerWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: no compiler\n"


@pytest.mark.parametrize("what", ["folder", "kernel"])
@pytest.mark.parametrize("fault", ["mode", "owner"])
def test_what_others_could_have_put_there_is_not_run(
    what: str, fault: str, fresh: Path
) -> None:
    source = SOURCE.format(answer=3)
    assert answer(source) == 3
    (kernel,) = fresh.iterdir()
    place = fresh if what == "folder" else kernel
    if fault == "mode":
        place.chmod(0o777)
    elif os.geteuid() == 0:
        os.chown(place, 54321, -1)
    else:
        pytest.skip("only root gives files away")
    build.library.cache_clear()
    message = {"mode": "anybody may write to", "owner": "belongs to another user"}[
        fault
    ]
    with pytest.warns(RuntimeWarning, match=rf"{message}.*BMI_DMX_CACHE"):
        assert build.load(source) is None


def test_what_is_made_is_safe_from_others_whatever_new_files_are(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BMI_DMX_CACHE", str(fresh / "new"))
    before = os.umask(0)
    try:
        assert answer(SOURCE.format(answer=3)) == 3
        build.library.cache_clear()
        assert answer(SOURCE.format(answer=3)) == 3
    finally:
        os.umask(before)


def test_what_is_safe_from_others_is_run_wherever_it_is(fresh: Path) -> None:
    fresh.chmod(0o1777)  # as /tmp
    assert answer(SOURCE.format(answer=3)) == 3


def test_the_cache_folder_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("BMI_DMX_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert files.cache_folder() == tmp_path / "bmi_dmx"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.cache_folder() == tmp_path / ".cache" / "bmi_dmx"


@pytest.mark.parametrize("damage", [b"", b"no library", None])
def test_a_damaged_kernel_is_made_again(damage: bytes | None, fresh: Path) -> None:
    source = SOURCE.format(answer=5)
    assert answer(source) == 5
    (kernel,) = fresh.iterdir()
    content = kernel.read_bytes()
    # Not in place: this process has it mapped.
    kernel.unlink()
    kernel.write_bytes(content[: len(content) // 2] if damage is None else damage)
    build.library.cache_clear()
    assert answer(source) == 5
    assert len(kernel.read_bytes()) == len(content)


def test_the_kernel_of_another_source_is_made_again(fresh: Path) -> None:
    one, other = (SOURCE.format(answer=k) for k in (1, 2))
    assert answer(one) == 1
    (mine,) = fresh.iterdir()
    assert answer(other) == 2
    (another,) = set(fresh.iterdir()) - {mine}
    # Not in place: this process has it mapped.
    mine.unlink()
    mine.write_bytes(another.read_bytes())
    build.library.cache_clear()
    assert answer(one) == 1


def test_what_cannot_be_loaded_is_said(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(name: str) -> None:
        raise OSError(f"{name}: failed to map segment from shared object")

    monkeypatch.setattr("ctypes.CDLL", refused)
    with pytest.warns(RuntimeWarning, match=r"cannot be loaded \(.*failed to map"):
        assert build.load(SOURCE.format(answer=6)) is None


def test_a_full_folder_of_temporary_files_is_not_taken_for_the_cache(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(build.tempfile, "TemporaryDirectory", full)
    monkeypatch.setattr(build.tempfile, "tempdir", "/some/tmp")
    told = r"compiled in /some/tmp \(No space left on device\); TMPDIR names another"
    with pytest.warns(RuntimeWarning, match=told):
        assert build.load(SOURCE.format(answer=6)) is None


def test_the_compiler_has_a_folder_for_temporary_files(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/proc")
    assert answer(SOURCE.format(answer=8)) == 8


def test_the_cache_may_be_at_home(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(fresh))
    monkeypatch.setenv("BMI_DMX_CACHE", "~/kernels")
    assert answer(SOURCE.format(answer=9)) == 9
    assert len(list((fresh / "kernels").glob("*.so"))) == 1


def test_a_user_without_a_home_is_told(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("BMI_DMX_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.warns(RuntimeWarning, match=r"not usable \(Could not determine home"):
        assert build.load(SOURCE.format(answer=6)) is None


def test_the_compiler_may_come_with_arguments(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = build.compiler()
    assert compiler is not None
    monkeypatch.setenv("CC", f"{compiler[0]} -DANSWER=9")
    assert build.compiler() == [compiler[0], "-DANSWER=9"]
    assert answer(SOURCE.format(answer="ANSWER")) == 9


def test_a_machine_without_a_compiler_is_said(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(fresh))
    with pytest.warns(RuntimeWarning, match=r"no C compiler was found \(cc, gcc or cl"):
        assert build.load(SOURCE.format(answer=8)) is None


@pytest.mark.parametrize("named", ["no-such-cc -O2", "gcc 'x"])
def test_a_compiler_that_is_none_is_named(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("CC", named)
    with pytest.warns(
        RuntimeWarning, match="CC is .*, which names no program"
    ) as record:
        assert build.load(SOURCE.format(answer=6)) is None
    assert named in str(record[0].message)


def test_a_compiler_that_does_not_come_to_an_end_is_stopped(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow-cc"
    slow.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    slow.chmod(0o755)
    monkeypatch.setenv("CC", str(slow))
    monkeypatch.setattr(build, "_PATIENCE", 0.1)
    source = SOURCE.format(answer=3)
    reason = build.library(source)
    assert isinstance(reason, str)
    assert f"it worked on a kernel of {len(source)} characters for more than" in reason
