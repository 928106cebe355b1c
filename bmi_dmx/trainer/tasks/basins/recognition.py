"""Which reader understands some data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ....data.zarr_store import is_zarr
from ....errors import DataError, DmxError, suggestion
from .data.read import READERS
from .data.sheets import is_sheet
from .data.spec import DataSpec

__all__ = ["reader_of"]

_SIGNATURES = (b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02", b"CDF\x05")
"""How files of NetCDF begin."""


def _is_netcdf(path: Path) -> bool:
    if not path.is_file():
        return is_zarr(path)
    with path.open("rb") as file:
        return file.read(8).startswith(_SIGNATURES)


def _is_camels(path: Path) -> bool:
    inner = path / "basin_dataset_public_v1p2"
    return any((root / "basin_mean_forcing").is_dir() for root in (path, inner))


def _is_caravan(path: Path) -> bool:
    series = path / "timeseries"
    return any((series / kind).is_dir() for kind in ("netcdf", "csv"))


def _is_table(path: Path) -> bool:
    """Return whether it is a text table, or a folder of some and nothing more."""
    if path.is_dir():
        return not is_zarr(path) and any(
            is_sheet(file) for file in path.iterdir() if file.is_file()
        )
    return is_sheet(path)


_LOOKS: dict[str, Callable[[Path], bool]] = {
    "basins": _is_netcdf,
    "camels_us": _is_camels,
    "caravan": _is_caravan,
    "tables": _is_table,
}
"""What the data of a reader look like, whether or not they are whole."""


def reader_of(path: Path) -> str:
    """Return the name of the reader of some data.

    Where the layout is none of those with a clear mark, it is the first reader that
    opens the data.

    Parameters
    ----------
    path : Path
        File or folder; or the name of a reader whose data come with the package.

    Raises
    ------
    DataError
        Nothing is there, or no reader understands it.
    """
    shipped = {name: READERS[name].shipped() for name in READERS}
    samples = {name: file for name, file in shipped.items() if file is not None}
    if str(path) in samples and not path.exists():
        return str(path)
    if not path.exists():
        hint = suggestion(str(path), samples)
        raise DataError(f"{path}: no such file or folder{hint}")
    matches = (name for name, file in samples.items() if file.samefile(path))
    looking = (name for name, looks in _LOOKS.items() if looks(path))
    first = next(iter((*matches, *looking)), None)
    return first or _opening(path, [n for n in shipped if n not in {*_LOOKS, *samples}])


def _opening(path: Path, names: Iterable[str]) -> str:
    """Return the first of some readers that opens data without a clear mark."""
    refusals = ""
    for name in names:
        refusal = _refusal(name, path)
        if refusal is None:
            return name
        refusals += f"; {name}: {refusal}"
    raise DataError(
        f"{path}: no reader understands it: it is no NetCDF file and has no folder"
        " basin_mean_forcing (CAMELS-US), timeseries/netcdf or timeseries/csv (Caravan)"
        ", nor tables of text (.csv, .txt)"
        f"{refusals}; data.reader=NAME chooses one of {', '.join(READERS)}"
    )


def _refusal(name: str, path: Path) -> str | None:
    """Return why a reader does not open data, None where it does."""
    try:
        READERS[name](DataSpec(reader=name, path=str(path)), path)
    except DmxError as error:
        return str(error)
    return None
