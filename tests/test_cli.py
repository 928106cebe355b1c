"""The command line: what it runs, prints and returns."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bmi_dmx import __version__
from bmi_dmx.benchmarks import command
from bmi_dmx.cli import _EXTRAS, COMMANDS, main
from bmi_dmx.errors import ConfigError, DataProblems


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the commands call, instead of doing it."""
    calls: list[tuple[Any, ...]] = []

    def recorder(name: str) -> Any:
        def record(*arguments: Any, **keywords: Any) -> None:
            calls.append((name, *arguments, *([keywords] if keywords else [])))

        return record

    for module, names in {
        "bmi_dmx.trainer.commands": ("train", "tune", "evaluate", "score", "export"),
        "bmi_dmx.demo.run": ("demo",),
        "bmi_dmx.demo.assimilation": ("assimilation_demo",),
    }.items():
        stand_in = ModuleType(module)
        for name in names:
            setattr(stand_in, name, recorder(name))
        monkeypatch.setitem(sys.modules, module, stand_in)
    monkeypatch.setattr(command, "run", recorder("run"))
    monkeypatch.setattr("bmi_dmx.trainer.preflight.checked", lambda *_: None)
    return calls


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("train a.yaml", ("train", Path("a.yaml"), [])),
        (
            "train a.yaml model.members=4 b.c=-1",
            ("train", Path("a.yaml"), ["model.members=4", "b.c=-1"]),
        ),
        (
            "tune a.yaml s.yaml b=1",
            ("tune", Path("a.yaml"), Path("s.yaml"), ["b=1"], 1),
        ),
        ("evaluate runs/x", ("evaluate", [Path("runs/x")], None, {"as_json": False})),
        (
            "evaluate a b --period validation",
            ("evaluate", [Path("a"), Path("b")], ["validation"], {"as_json": False}),
        ),
        (
            "evaluate b --data d.nc data.gaps=hold --basins 01 02 --warmup 3",
            (
                "score",
                [Path("b")],
                ["d.nc", "data.gaps=hold"],
                None,
                {
                    "places": ["01", "02"],
                    "warmup": 3,
                    "choices": {},
                    "window_end": False,
                    "output": None,
                    "calibration": None,
                    "as_json": False,
                },
            ),
        ),
        (
            "evaluate b --data d --period 1995-10-01 2010-09-30 --evaporation oudin"
            " --output o",
            (
                "score",
                [Path("b")],
                ["d"],
                ["1995-10-01", "2010-09-30"],
                {
                    "places": (),
                    "warmup": None,
                    "choices": {"evaporation": "oudin"},
                    "window_end": False,
                    "output": Path("o"),
                    "calibration": None,
                    "as_json": False,
                },
            ),
        ),
        ("export runs/x", ("export", Path("runs/x"), None)),
        ("export runs/x b", ("export", Path("runs/x"), Path("b"))),
        ("bench", ("run", None, None, "cpu")),
        ("bench scan --json a.json", ("run", "scan", Path("a.json"), "cpu")),
        ("bench scan --device cuda", ("run", "scan", None, "cuda")),
        ("demo", ("demo", Path("runs/demo"))),
        ("demo --output d", ("demo", Path("d"))),
        ("demo da --output d", ("assimilation_demo", Path("d"))),
    ],
)
def test_a_command_line_becomes_a_call(
    calls: list[tuple[Any, ...]], line: str, call: tuple[Any, ...]
) -> None:
    assert main(line.split()) == 0
    assert calls == [call]


@pytest.mark.parametrize(
    "line",
    ["", "inf", "train", "evaluate", "export", "bench speed", "demo x y", "info -q"],
)
def test_wrong_usage_ends_with_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: dmx")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: dmx {command}")


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        ("", ["warning: odd"]),
        ("--quiet", []),
        ("--verbose", ["detail", "warning: odd"]),
    ],
)
def test_how_much_is_said_can_be_chosen(
    option: str,
    shown: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def talk(options: object) -> None:
        log = logging.getLogger("bmi_dmx.somewhere")
        log.debug("detail")
        log.warning("odd")

    monkeypatch.setitem(COMMANDS, "info", replace(COMMANDS["info"], run=talk))
    assert main(["info", *filter(None, [option])]) == 0
    assert capsys.readouterr().err.splitlines() == shown


def test_several_problems_have_a_line_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, DataProblems(["a.csv: row 2\n is odd", "b.csv: no flow"]))
    assert main(["demo", "--quiet"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "dmx demo: error: 2 problems", "  - a.csv: row 2 is odd", "  - b.csv: no flow",
    ]  # fmt: skip


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"bmi_dmx {__version__}\n"


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `dmx demo` fail with an error."""
    stand_in = ModuleType("bmi_dmx.demo.run")

    def demo(output: Path) -> None:
        raise error

    stand_in.demo = demo  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bmi_dmx.demo.run", stand_in)


def test_an_expected_error_is_one_line_and_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, ConfigError("a.yaml: key\n  is wrong"))
    assert main(["demo", "--quiet"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "dmx demo: error: a.yaml: key is wrong\n"


def test_an_expected_error_shows_its_origin_on_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raising(monkeypatch, ConfigError("x"))
    with pytest.raises(ConfigError):
        main(["demo", "--quiet", "--traceback"])


def test_an_unexpected_error_is_never_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["demo", "--quiet"])


def test_a_missing_library_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = ModuleNotFoundError("No module", name="lightning.pytorch")
    raising(monkeypatch, missing)
    assert main(["demo", "--quiet"]) == 1
    assert "needs 'lightning', which pip install 'bmi-dmx[train]'" in (
        capsys.readouterr().err
    )


def test_what_a_name_of_a_configuration_lacks_is_told_with_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ConfigError(
        "reader 'delaware' cannot be imported: No module named 'xarray'"
    )
    error.__cause__ = ConfigError("the reader")
    lacking = ModuleNotFoundError("No module named 'xarray'", name="xarray")
    error.__cause__.__cause__ = lacking
    raising(monkeypatch, error)
    assert main(["demo", "--quiet"]) == 1
    told = "No module named 'xarray'; pip install 'bmi-dmx[train]' brings it\n"
    assert capsys.readouterr().err.endswith(told)


def test_a_missing_library_of_no_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, ModuleNotFoundError("No module named 'yaml'", name="yaml"))
    assert main(["demo", "--quiet"]) == 1
    assert capsys.readouterr().err == "dmx demo: error: No module named 'yaml'\n"


def test_the_extras_are_those_of_the_project() -> None:
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    for extra in set(_EXTRAS.values()):
        (line,) = re.findall(rf"^{extra} = \[(.*)\]", project, re.MULTILINE)
        names = re.findall(r'"(?:bmi-dmx\[)?([\w-]+)', line)
        assert names == [name for name in _EXTRAS if _EXTRAS[name] == extra]


def test_a_missing_module_of_our_own_is_never_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raising(monkeypatch, ModuleNotFoundError("No module", name="bmi_dmx.nothing"))
    with pytest.raises(ModuleNotFoundError):
        main(["demo", "--quiet"])


def test_help_leaves_names_as_they_are_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    assert "Train on a small river basin, step it through BMI" in " ".join(
        capsys.readouterr().out.split()
    )


def test_an_interrupt_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, KeyboardInterrupt())
    assert main(["demo", "--quiet"]) == 130
    assert capsys.readouterr().err == "dmx demo: interrupted\n"


def test_a_reader_that_leaves_early_sees_no_traceback() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "bmi_dmx.cli", "info"]
    process = subprocess.run(
        command, stdout=write_end, stderr=subprocess.PIPE, check=False, text=True
    )
    os.close(write_end)
    assert process.returncode == 1
    assert process.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("name", [[], ["nse"], ["hbv11p"]], ids=" ".join)
def test_a_console_of_any_encoding_shows_what_it_can(
    encoding: str, name: list[str]
) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "bmi_dmx.cli", "info", *name],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, b"")
    assert process.stdout.decode(encoding).strip()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(28, "No space left on device", b"out.nc"),
            "out.nc: No space left on device",
        ),
        (OSError(5, "Input/output error"), "[Errno 5] Input/output error"),
        (OSError("nobody\nanswers"), "nobody answers"),
    ],
    ids=["file", "no file", "text alone"],
)
def test_a_failure_of_the_system_is_one_line(
    error: OSError,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(options: object) -> None:
        raise error

    monkeypatch.setitem(COMMANDS, "info", replace(COMMANDS["info"], run=full))
    assert main(["info"]) == 1
    output = capsys.readouterr().err
    assert output == f"dmx info: error: {message}\n"
