"""Make the sample of a global ocean that comes with the package from the full file.

python scripts/make_ocean_sample.py SOURCE

Numbers are kept to the digits that anybody could want, which halves the file; all else,
the notice of the source among it, is copied.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import netCDF4

from bmi_dmx.models.ocean.formats.global_ocean import SAMPLE

DIGITS = {
    "temperature": 3, "salinity": 3, "sst": 3, "sss": 3, "spinup_temperature": 3,
    "spinup_salinity": 3, "taux": 5, "tauy": 5, "qnet": 2, "spinup_u": 6,
    "spinup_v": 6, "spinup_eta": 5,
}  # fmt: skip
"""Decimals that are kept, by variable; what is not named is kept as it is."""


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    arguments = parser.parse_args()
    with (
        netCDF4.Dataset(arguments.source) as source,
        netCDF4.Dataset(SAMPLE, "w") as copy,
    ):
        source.set_auto_maskandscale(False)
        notice = {name: source.getncattr(name) for name in source.ncattrs()}
        notice["history"] += "; rounded to the digits listed in the data README"
        copy.setncatts(notice)
        for name, dimension in source.dimensions.items():
            copy.createDimension(name, len(dimension))
        for name, variable in source.variables.items():
            about = {key: variable.getncattr(key) for key in variable.ncattrs()}
            copied = copy.createVariable(
                name, variable.dtype, variable.dimensions, zlib=True, complevel=9,
                shuffle=True, fill_value=about.pop("_FillValue", None),
                least_significant_digit=DIGITS.get(name),
            )  # fmt: skip
            about.pop("least_significant_digit", None)
            copied.setncatts(about)
            copied[:] = variable[:]


if __name__ == "__main__":
    main()
