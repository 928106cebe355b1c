"""Forcing of catchments: NetCDF and CSV, as the framework reads it and as others do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from bmi_dmx.errors import DataError
from bmi_dmx.ngen.assumed_units import assumed_units
from bmi_dmx.ngen.check_forcing import _Demand, _unmet
from bmi_dmx.ngen.climate import Repair
from bmi_dmx.ngen.csv_forcing import CsvForcing
from bmi_dmx.ngen.domain import open_domain
from bmi_dmx.ngen.fields import PRECIPITATION, TEMPERATURE
from bmi_dmx.ngen.forcing import STEP, ForcingProvider
from bmi_dmx.ngen.netcdf_forcing import NetcdfForcing
from bmi_dmx.ngen.realization import Period
from bmi_dmx.operate.bundle_cache import bundle_named
from bmi_dmx.operate.operation import Operation
from bmi_dmx.operate.screen import AcceptedRange

from . import netcdf_files as nc
from .netcdf_files import NetcdfFile, Times, Values
from .squares import (
    Never,
    Other,
    Reader,
    Refused,
    Same,
    Square,
    Trial,
    emptied,
    flipped,
    made_a_folder,
    truncated,
)  # fmt: skip

IDS = ["cat-1", "cat-2", "cat-3"]
HOURS = 30
START = np.datetime64("1980-10-01T00:00:00")
PERIOD = Period(
    start_time=START.item(), end_time=(START + np.timedelta64(HOURS - 1, "h")).item()
)
RAIN, WARMTH = "precip_rate", "TMP_2maboveground"


def rain() -> Any:
    """Return mm h-1, (place, hour), with dry hours."""
    hours = np.arange(HOURS)
    return np.outer([1.0, 2.0, 3.0], np.where(hours % 5 == 0, 0.0, 0.1 + 0.01 * hours))


def warmth() -> Any:
    """Return degC, (place, hour)."""
    return np.add.outer([1.0, 2.0, 3.0], np.arange(HOURS) % 24 * 0.5)


def expected() -> dict[str, Any]:
    """Return what all readers of the usual file must give."""
    return {
        "start": int(START.astype(np.int64)),
        "precipitation": rain(),
        "air_temperature": warmth(),
    }


def expected_of_one() -> dict[str, Any]:
    """Return what files of the first catchment must give."""
    return {n: x if n == "start" else x[:1] for n, x in expected().items()}


# NetCDF


def netcdf() -> NetcdfFile:
    """Return the usual file."""
    times = START + np.arange(HOURS) * np.timedelta64(1, "h")
    return NetcdfFile(
        list(IDS), "ids", "catchment-id",
        Times(times, "Time", ("catchment-id", "time"), "seconds"),
        {
            RAIN: Values("mm s^-1", rain() / 3600.0, "f8"),
            WARMTH: Values("K", warmth() + 273.15, "f8"),
        },
        by_time=False,
    )  # fmt: skip


def _numbers(
    provider: ForcingProvider, ids: list[str]
) -> tuple[dict[str, Any], list[str]]:
    start = int(START.astype(np.int64))
    first, last = provider.span(ids[0])
    hours = (last - first) // STEP
    series = {
        name: provider.block(ids, alias, units, start, hours).T
        for name, alias, units in (
            ("precipitation", PRECIPITATION, "mm h-1"),
            ("air_temperature", TEMPERATURE, "degC"),
        )
    }
    assumed = assumed_units(provider, ids, start, hours)
    return {"start": start, **series}, [*provider.remarks, *assumed]


def screened(provider: ForcingProvider, ids: list[str]) -> None:
    """Refuse what a check says would stop a run."""
    accepted = AcceptedRange(0.0, 3000.0, "raise", 0.05 / 24.0)
    demand = _Demand(provider, PRECIPITATION, "mm h-1", accepted)
    for finding in _unmet(demand, ids, PERIOD):
        raise DataError(finding.problem)


def strictly(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read as the framework does."""
    with NetcdfForcing(path) as provider:
        screened(provider, IDS)
        return _numbers(provider, IDS)


def csv_strictly(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read as the framework does."""
    with CsvForcing(path.parent, lambda name: path.parent / f"{name}.csv") as provider:
        screened(provider, IDS[:1])
        return _numbers(provider, IDS[:1])


_operations: list[Operation] = []


def operation() -> Operation:
    """Return a model in steps of an hour."""
    if not _operations:
        bundle = bundle_named("dhbv-conus-daily", Path())
        _operations.append(Operation(bundle, STEP, bundle.manifest.seconds))
    return _operations[0]


def hydrofabric(folder: Path) -> Path:
    """Write the catchments."""
    features = [
        {"type": "Feature", "id": n, "properties": {"areasqkm": 9.0, "toid": "nex-1"}}
        for n in IDS
    ]
    path = folder / "catchments.geojson"
    content = {"type": "FeatureCollection", "features": features}
    if not path.exists():
        path.write_text(json.dumps(content), encoding="utf-8")
    return path


def leniently(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read as what prepares and simulates does, and screen it."""
    fabric = hydrofabric(Path(path.parent))
    table = path.suffix == ".csv"
    ids = IDS[:1] if table else IDS
    forcing = path.parent if table else path
    with open_domain(fabric, forcing, catchments=ids) as domain:
        repair = Repair(operation())
        series = {
            name: repair.read(
                domain.forcing, name, ids, domain.start, domain.steps,
                np.full(len(ids), np.nan),
            ).T
            for name in ("precipitation", "air_temperature")
        }  # fmt: skip
        series["precipitation"] = series["precipitation"] / 24.0
        remarks = [*domain.remarks, *repair.remarks()]
        return {"start": domain.start, **series}, remarks


LATER = "hours of the forcing begin at .* 00:30:00 and every hour"
UNEVEN = "do not follow each other evenly: .* 1 is missing"
AGAIN = "1980-10-01 02:00:00 is given twice, in entries 2 and 3"
FALL = "the times do not increase: "
DAMAGED = "cannot be read, the file is damaged"

FILES: dict[str, Square] = {
    "truncated": Trial(truncated, Refused("not a NetCDF file: "), after=True),
    "damaged": Trial(flipped, Refused(DAMAGED), after=True),
    "empty": Trial(emptied, Refused("not a NetCDF file: "), after=True),
    "folder": Trial(made_a_folder, Refused("is a folder, expected a"), after=True),
}
TIMES: dict[str, Square] = {
    "minutes since": Trial(nc.unit("minutes"), Same()),
    "hours since": Trial(nc.unit("hours"), Same()),
    "other calendar": Trial(nc.calendar("noleap"), Refused("Time: calendar 'noleap'")),
    "gap": Trial(nc.gap, Refused(UNEVEN)),
    "time twice": Trial(nc.twice, Refused(AGAIN)),
    "falling times": Trial(nc.falling, Refused(FALL)),
    "times of places differ": Trial(nc.differing, Refused("entry 2 has others than")),
    "id twice": Trial(nc.repeated, Refused("'cat-1' is given twice, in entry 0 and")),
    "field twice": Trial(
        nc.copied(RAIN, "RAINRATE"),
        Refused("'precip_rate' and 'RAINRATE' are both 'atmosphere_water__liquid"),
    ),
    "bytes": Trial(nc.characters, Same()),
    "declared fill": Trial(nc.number(RAIN, -1.0, -1.0), Refused("is missing")),
    "-9999": Trial(nc.number(RAIN, -9999.0), Refused("is -.* mm .*expected 0 to")),
    "1e20": Trial(nc.number(RAIN, 1e20), Refused("is .*e.2.* mm .*expected 0 to")),
    "NetCDF default": Trial(
        nc.number(RAIN, 9.96921e36, -1.0), Refused("expected 0 to")
    ),
    "`name [units]`": Never("units of a variable are an attribute of it"),
}

NETCDF_STRICT = Reader(
    netcdf,
    "forcing.nc",
    strictly,
    expected,
    {
        **FILES,
        **TIMES,
        "offset": Trial(
            nc.offset, Refused("expected UTC: the framework passes over an")
        ),
        "days since": Trial(
            nc.unit("days"), Refused("units: found 'days since .*, expected")
        ),
        "middle, bounds": Trial(
            nc.stamped(0.5, bounds=True), Refused("reads no bounds")
        ),
        "end, bounds": Trial(nc.stamped(1.0, bounds=True), Refused("reads no bounds")),
        "middle": Trial(nc.stamped(0.5, bounds=False), Refused(LATER)),
        "single precision": Trial(nc.single, Refused("went through single precision")),
        "bytes": Trial(nc.characters, Refused("expected text .NC_STRING.")),
        "integers": Trial(nc.integers, Refused("expected text .NC_STRING.")),
        "padded": Trial(nc.named("{name}  "), Refused("expected no blanks around")),
        "leading zeros": Trial(
            nc.named("cat-{number:04}"), Refused("no forcing of catchment")
        ),
        "units absent": Trial(
            nc.units(RAIN, ""), Same("units assumed, for none .*precip_r")
        ),
        "units of something else": Trial(
            nc.units(RAIN, "kg"),
            Other(
                lambda x: x.update(precipitation=rain() / 3600.0),
                "values are used as is",
            ),
        ),
        "slightly negative": Trial(
            # The framework passes it on, and the component takes it for zero.
            nc.number(RAIN, -1e-17),
            Other(lambda x: x["precipitation"].__setitem__((-1, 2), 0.0)),
        ),
    },
)

NETCDF_LENIENT = Reader(
    netcdf,
    "forcing.nc",
    leniently,
    expected,
    {
        **FILES,
        **TIMES,
        "offset": Trial(nc.offset, Same()),
        "days since": Trial(nc.unit("days"), Same()),
        "middle, bounds": Trial(nc.stamped(0.5, bounds=True), Same()),
        "end, bounds": Trial(nc.stamped(1.0, bounds=True), Same()),
        "middle": Trial(
            nc.stamped(0.5, bounds=False), Same("are taken for the middles")
        ),
        "single precision": Trial(nc.single, Same("went through single precision")),
        "integers": Trial(nc.integers, Same("ids: '1' is taken for 'cat-1'")),
        "padded": Trial(nc.named("{name}  "), Same()),
        "leading zeros": Trial(
            nc.named("cat-{number:04}"), Same("'cat-0001' is taken for")
        ),
        "units absent": Trial(
            nc.units(RAIN, ""), Same("units assumed, for none .*precip_r")
        ),
        "units of something else": Trial(
            nc.units(RAIN, "kg"), Refused("cannot be converted")
        ),
        "folder": Trial(
            made_a_folder, Refused("no forcing of 3 catchments"), after=True
        ),
        "slightly negative": Trial(
            nc.number(RAIN, -1e-17),
            Other(
                lambda x: x["precipitation"].__setitem__((-1, 2), 0.0),
                "1 values of precipitation are slightly below",
            ),
        ),
    },
)
