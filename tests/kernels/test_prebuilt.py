"""Kernels compiled beforehand are found where they run, and by nobody else."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from bmi_dmx import files
from bmi_dmx.errors import ScanError
from bmi_dmx.kernels import build, processor

SOURCE = """
#include <stdint.h>
int forward(const void *s, int64_t a, int64_t b) { return 42; }
int step(const void *s) { return 0; }
int64_t groups(int64_t locations, int64_t members) { return 0; }
int64_t scan_words(void) { return 0; }
"""

V3 = "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"
V2 = "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3"
V4 = "avx512f avx512bw avx512cd avx512dq avx512vl"

x86_only = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="levels of x86-64"
)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of prebuilt kernels, on a machine with an empty cache."""
    build.library.cache_clear()
    build._warn_once.cache_clear()
    monkeypatch.setenv("BMI_DMX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BMI_DMX_KERNELS", str(tmp_path / "kernels"))
    yield tmp_path / "kernels"
    build.library.cache_clear()
    build._warn_once.cache_clear()


def without_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")


def test_a_prebuilt_kernel_needs_no_compiler(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.compile_for(processor.levels()[-1], SOURCE, elsewhere)
    without_compiler(monkeypatch)
    library = build.load(SOURCE)
    assert library is not None
    assert library.forward(None, 0, 0) == 42
    assert not Path(files.cache_folder()).exists()


def test_a_prebuilt_kernel_is_not_compiled_again(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = processor.levels()[-1]
    build.compile_for(level, SOURCE, elsewhere)
    (kernel,) = (elsewhere / level).iterdir()
    before = kernel.stat().st_mtime_ns
    build.compile_for(level, SOURCE, elsewhere)
    assert kernel.stat().st_mtime_ns == before


def test_prebuilding_without_a_compiler_is_refused(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_compiler(monkeypatch)
    with pytest.raises(ScanError, match="kernels cannot be compiled: CC is"):
        build.compile_for(processor.DEFAULT_LEVEL, SOURCE, elsewhere)


@x86_only
def test_a_processor_is_not_given_what_it_cannot_run(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.compile_for("x86-64-v3", SOURCE, elsewhere)
    monkeypatch.setattr(processor, "features", lambda: f"flags : {V2}")
    without_compiler(monkeypatch)
    with pytest.warns(RuntimeWarning, match=r"x86-64-v2, .* found x86-64-v3;"):
        assert build.load(SOURCE) is None


def test_why_no_prebuilt_kernel_serves_is_said(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.compile_for(processor.levels()[-1], f"{SOURCE}/* */", elsewhere)
    without_compiler(monkeypatch)
    assert "none of this one, as this version of bmi_dmx makes it" in told()
    monkeypatch.setenv("BMI_DMX_KERNELS", "nowhere")
    assert "in nowhere (BMI_DMX_KERNELS) there is none: no such folder" in told()
    monkeypatch.setenv("BMI_DMX_KERNELS", "")
    assert told() == "CC is 'no-such-compiler', which names no program"


def told() -> str:
    """Return why there is no kernel."""
    build.library.cache_clear()
    reason = build.library(SOURCE)
    assert isinstance(reason, str)
    return reason


@x86_only
@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ("", ("x86-64",)),
        (V2, ("x86-64-v2", "x86-64")),
        (V3, ("x86-64",)),
        (f"{V2} {V3}", ("x86-64-v3", "x86-64-v2", "x86-64")),
        (f"fpu {V4} {V3} {V2}", processor.LEVELS),
    ],
    ids=["none", "v2", "v3 without v2", "v3", "v4"],
)
def test_levels_follow_from_the_features_of_the_processor(
    features: str, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "features", lambda: f"flags : {features}")
    assert processor.levels() == expected


@x86_only
def test_the_highest_level_there_is_is_taken(elsewhere: Path) -> None:
    for level in processor.LEVELS:
        build.compile_for(level, SOURCE, elsewhere)
    highest = processor.levels()[0]
    assert build._prebuilt(SOURCE) == next((elsewhere / highest).iterdir())
