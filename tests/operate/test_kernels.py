"""What is compiled beforehand is all that components then ask for."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bmi_dmx import Component
from bmi_dmx.bundle import load_bundle
from bmi_dmx.cli import main
from bmi_dmx.errors import DataError, ScanError, StateError, UnitsError
from bmi_dmx.kernels import roots
from bmi_dmx.kernels.processor import DEFAULT_LEVEL
from bmi_dmx.kernels.stepper import kernels_listed
from bmi_dmx.operate import health, kernels
from bmi_dmx.operate.bundle_cache import shared_bundle
from bmi_dmx.operate.storage import Storage

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "daily": {"time_step": "daily"},
    "hourly": {"time_step": "hourly"},
    "days of hours": {"time_step": "hourly", "mode": "daily", "units": "ngen"},
    "given": {"time_step": "hourly", "evaporation": "given", "units": "ngen"},
    "oudin": {"time_step": "daily", "evaporation": "oudin"},
}


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("changes", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_component_asks_for_no_other_kernel(
    n: int, changes: dict[str, Any], bundle: Path, configure: Any
) -> None:
    config = configure(n, **changes)
    with kernels_listed() as asked_for:
        Component().initialize(str(config))
    assert asked_for
    assert set(asked_for) <= set(kernels.needed(shared_bundle(bundle)))


def test_every_process_asks_for_the_same_kernels(bundle: Path) -> None:
    statement = (
        "import sys, pathlib; from bmi_dmx.operate import bundle_cache, kernels; "
        "bundle = bundle_cache.shared_bundle(pathlib.Path(sys.argv[1])); "
        "print(repr(kernels.needed(bundle)))"
    )
    command = [sys.executable, "-c", statement, str(bundle)]
    listed = [
        subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert listed[0] == listed[1]


def test_the_command_compiles_what_is_needed(
    bundle: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    calls = []
    monkeypatch.setattr(
        "bmi_dmx.kernels.build.compile_for",
        lambda level, source, folder: calls.append((level, source, folder)),
    )
    assert main(["prebuild", str(tmp_path), str(bundle)]) == 0
    # Local analyses are not of a bundle, and need theirs with any.
    sources = [*kernels.needed(shared_bundle(bundle)), *roots.sources()]
    assert sorted(calls) == sorted(
        (DEFAULT_LEVEL, source, tmp_path) for source in sources
    )
    message = f"{len(sources)} kernels for {DEFAULT_LEVEL} in {tmp_path}\n"
    assert capsys.readouterr().out == message


def test_a_bundle_in_the_place_of_the_folder_is_refused(
    bundle: Path, capsys: Any
) -> None:
    for folder in (str(bundle), "dhbv-conus-daily"):
        assert main(["prebuild", folder]) == 1
        assert f"{folder} is a bundle, expected a folder" in capsys.readouterr().err


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels count as compiled, without waiting for the compiler."""
    monkeypatch.setattr("bmi_dmx.operate.health.build.load", lambda source: source)


@pytest.mark.usefixtures("compiled")
def test_a_sound_bundle_is_healthy(bundle: Path, capsys: Any) -> None:
    with kernels_listed():
        assert main(["health", str(bundle)]) == 0
    assert capsys.readouterr().out.startswith(f"{bundle}: whole, ")


def test_kernels_of_analyses_are_looked_for_as_well(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = roots.sources()
    monkeypatch.setattr(
        "bmi_dmx.operate.health.build.load",
        lambda source: None if source in own else source,
    )
    with pytest.raises(ScanError, match=rf": {len(own)} of \d+ kernels are missing"):
        health.check_health(str(bundle))


def test_missing_kernels_are_no_health(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bmi_dmx.operate.health.build.load", lambda source: None)
    with pytest.raises(ScanError, match=r": (\d+) of \1 kernels are missing"):
        health.check_health(str(bundle))


@pytest.mark.usefixtures("compiled")
def test_units_that_are_not_converted_are_no_health(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "convert", lambda value, *units: value)
    with pytest.raises(UnitsError, match=r"1\.5 h were converted into 1\.5 s"):
        health.check_health(str(bundle))


@pytest.mark.usefixtures("compiled")
def test_files_that_are_not_read_as_written_are_no_health(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        health.netCDF4, "Dataset", lambda *_, **__: contextlib.nullcontext(Forgetful())
    )
    with pytest.raises(DataError, match="variable 'ids' of a NetCDF file: found None"):
        health.check_health(str(bundle))


class Forgetful:
    """A file, and a variable of it, that takes everything and holds nothing."""

    def createDimension(self, *_: object) -> None: ...

    def createVariable(self, *_: object) -> Forgetful:
        return self

    def __setitem__(self, *_: object) -> None: ...

    def __getitem__(self, key: object) -> Forgetful | None:
        return self if isinstance(key, str) else None


def test_lost_water_is_no_health(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(storage: Storage) -> None:
        storage.balance["mass_stored"].fill(0.0)

    monkeypatch.setattr(Storage, "close_balance", forget)
    with kernels_listed(), pytest.raises(StateError, match="mm of water lost"):
        health.check_health(str(bundle))


def test_those_of_networks_that_vary_are_among_them() -> None:
    bundle = load_bundle(Path(__file__).parents[1] / "golden" / "lstm-format-1")
    texts = "\n".join(kernels.needed(bundle))
    # One place alone, and many together.
    assert set(re.findall(r"#define TOGETHER (\d+)", texts)) == {"1", "16"}
