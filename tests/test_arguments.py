"""What arguments of commands have in common: options, limits, files that stay."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError, Namespace
from pathlib import Path

import pytest

from bmi_dmx.arguments import (
    by_name,
    netcdf,
    number,
    parsed,
    picture,
    refuse_to_replace,
    whole,
)
from bmi_dmx.cli import _parser, main
from bmi_dmx.errors import ConfigError


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("given.csv", "table.csv", "given.nc", "table.nc", "old.state"):
        Path(name).write_text("what took long to make", encoding="utf-8")


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "nan", "", "one"])
def test_a_whole_number_is_not_below_the_least(text: str) -> None:
    assert whole(1)("12") == 12
    with pytest.raises(ArgumentTypeError, match=f"found '{text}', expected a whole nu"):
        whole(1)(text)


@pytest.mark.parametrize("text", ["-1", "19", "nan", "inf", "far"])
def test_a_number_is_within_its_limits(text: str) -> None:
    assert number(0.0, 18.0)("5.75") == 5.75
    with pytest.raises(ArgumentTypeError, match=f"found '{text}', .* from 0 to 18"):
        number(0.0, 18.0)(text)


@pytest.mark.parametrize("name", ["flow.csv", "flow.CSV", "flow.csv.gz", "flow.png"])
def test_netcdf_is_not_written_under_the_name_of_something_else(name: str) -> None:
    assert netcdf("a/flow.nc") == Path("a/flow.nc")
    assert netcdf("flow") == Path("flow")
    with pytest.raises(ArgumentTypeError, match=r"such as 'flow.*\.nc': what is wri"):
        netcdf(name)


@pytest.mark.parametrize("written", ["output", "past", "map", "picture", "save_state"])
@pytest.mark.parametrize("read", [Path("given.csv"), "given.csv", ["x", "./given.csv"]])
def test_a_file_that_is_read_is_not_written(written: str, read: object) -> None:
    options = Namespace(**{written: Path("given.csv"), "forcing": read, "quiet": None})
    with pytest.raises(ConfigError, match=r"given\.csv is read by this command"):
        refuse_to_replace(options)


def test_a_link_leads_to_the_file_it_is() -> None:
    Path("link.csv").symlink_to("given.csv")
    options = Namespace(output=Path("link.csv"), forcing=Path("given.csv"))
    with pytest.raises(ConfigError, match=r"--output: link\.csv is read by this comm"):
        refuse_to_replace(options)


def test_two_outputs_are_two_files() -> None:
    options = Namespace(output=Path("new.nc"), past=Path("./new.nc"))
    with pytest.raises(ConfigError, match=r"--past: new\.nc is what --output writes"):
        refuse_to_replace(options)


def test_older_results_and_the_state_that_is_gone_on_from_may_be_replaced() -> None:
    refuse_to_replace(
        Namespace(
            output=Path("table.csv"), forcing=Path("given.csv"), state="old.state",
            save_state=Path("old.state"), names=[("a", "b")], start=None, text="a\0b",
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "run usual given.nc --output given.nc",
        "run usual given.nc --attributes table.nc --output table.nc",
        "forecast usual given.nc --past given.nc",
        "forecast usual given.nc table.nc --output table.nc",
        "simulate --hydrofabric given.nc --forcing table.nc --output given.nc",
        "simulate --hydrofabric given.csv --forcing b --output o --map given.csv",
        "route given.nc table.nc --output table.nc",
        "data attributes given.csv --output given.csv",
    ],
)
def test_no_command_writes_over_what_it_reads(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 1
    assert "is read by this command and would be lost" in capsys.readouterr().err
    for name in ("given.csv", "table.csv", "given.nc", "table.nc"):
        assert Path(name).read_text(encoding="utf-8") == "what took long to make"


@pytest.mark.parametrize(
    "line",
    [
        "forecast usual given.csv --steps 0",
        "run usual given.csv --block-places 0",
        "route given.csv table.csv --threads 0",
        "route given.csv table.csv --warmup -1",
        "route given.csv table.csv --utc-offset 50",
        "evaluate usual --warmup -1",
    ],
)
def test_numbers_that_cannot_be_meant_are_wrong_usage(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert f"found '{line.split()[-1]}', expected a " in capsys.readouterr().err


@pytest.mark.parametrize("line", ["data check x", "da twin x", "ngen check x", "demo"])
@pytest.mark.parametrize("option", ["--traceback", "--quiet", "--verbose"])
def test_options_of_all_commands_stand_before_and_behind_an_action(
    line: str, option: str
) -> None:
    command, *rest = line.split()
    parse = _parser().parse_args
    without = vars(parse(line.split()))
    before = vars(parse([command, option, *rest]))
    assert before == vars(parse([*line.split(), option])) != without


@pytest.mark.parametrize(
    "line", ["tune a s", "experiment p", "run b f", "simulate --hydrofabric h"]
)
def test_at_least_one_worker_is_asked_for(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([*line.split(), "--workers", "0"])
    assert "--workers: found '0', expected a whole number" in capsys.readouterr().err


def test_a_device_is_refused_before_anything_is_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    os.mkfifo("pipe")
    assert main(["run", "no-bundle", "given.csv", "--output", "pipe"]) == 1
    assert "pipe: is a device or pipe" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["plot x --output p.nc", "river x --output p",
                                  "data check x --picture p.csv",
                                  "forecast b h --picture p.txt"])  # fmt: skip
def test_what_is_no_picture_is_told_before_anything_is_run(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert picture("a/B.PNG") == Path("a/B.PNG")
    with pytest.raises(SystemExit):
        main(line.split())
    assert "expected a name such as 'p.png', .pdf or .svg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "name", "values"),
    [
        ("forecast b h --mode daily one.nc two.nc", "forcing", ["one.nc", "two.nc"]),
        ("compare one --output x two", "models", ["one", "two"]),
        ("train e --quiet a=1 b=2", "settings", ["a=1", "b=2"]),
        ("data check x --picture p.png data.a=1", "settings", ["data.a=1"]),
    ],
)
def test_files_may_stand_behind_options(
    line: str, name: str, values: list[str]
) -> None:
    options = parsed(_parser(), line.split())
    assert [str(value) for value in getattr(options, name)] == values


@pytest.mark.parametrize("line", ["compare one --outptu x", "run b f g", "info a b"])
def test_what_no_argument_takes_is_refused(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(_parser(), line.split())
    error = capsys.readouterr().err
    assert "unrecognized arguments: " in error
    assert f"dmx {line.split()[0]}: error: " in error


def test_home_is_found_where_shells_do_not_look_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/of/somebody")
    line = ["run", "~/bundle", "a~/given.nc", "--output=~/flow.nc", "--state=~"]
    found = parsed(_parser(), line)
    assert (found.bundle, found.state) == ("/home/of/somebody/bundle", "~")
    assert found.output == Path("/home/of/somebody/flow.nc")
    assert found.forcing == Path("a~/given.nc")


def test_a_folder_that_is_called_like_home_is_itself() -> None:
    Path("~").mkdir()
    Path("~/given.nc").write_text("", encoding="utf-8")
    found = parsed(_parser(), ["run", "dhbv-conus-daily", "~/given.nc"])
    assert found.forcing == Path("~/given.nc")


@pytest.mark.parametrize("text", ["https://example.org/a.nc", "s3://bucket/a.zarr"])
def test_an_address_is_no_path(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["run", "dhbv-conus-daily", text])
    assert "is an address, expected a path: download it" in capsys.readouterr().err
    assert parsed(_parser(), ["run", "b", "C:/a.nc"]).forcing == Path("C:/a.nc")


def test_what_an_option_says_of_names_is_kept_by_them():
    pairs = [("a", 1.0), ("b", 2.0), ("a", 1.0)]
    assert by_name("--attributes", pairs) == {"a": 1.0, "b": 2.0}
    assert by_name("--attributes", []) == {}


def test_what_an_option_says_twice_is_refused():
    pairs = [("a", 1.0), ("b", 2.0), ("a", 3.0)]
    with pytest.raises(ConfigError, match="--attributes: 'a' is given twice"):
        by_name("--attributes", pairs)
