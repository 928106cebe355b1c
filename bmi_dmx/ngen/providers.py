"""The forcing of all catchments of a realization."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..errors import ConfigError, suggestion
from .csv_forcing import CsvForcing, matching
from .findings import Finding, a_few, an_error
from .forcing import ForcingProvider
from .netcdf_forcing import NetcdfForcing
from .realization import ForcingSource, Realization

__all__ = ["Providers", "borrowed", "providers"]

Providers = dict[str, ForcingProvider]


_NETCDF = (b"\x89HDF", b"CDF\x01", b"CDF\x02", b"CDF\x05")
"""How such files begin."""


def _provider(
    source: ForcingSource, sources: dict[str, ForcingSource]
) -> ForcingProvider:
    """Return the provider of one forcing block.

    Parameters
    ----------
    source : ForcingSource
        The block.
    sources : dict of str to ForcingSource
        The blocks of all catchments, with their names in the file patterns.
    """
    path = Path(source.path)
    if source.provider == "NetCDF":
        return NetcdfForcing(path)
    if path.is_file() and _begins(path) in _NETCDF:
        raise ConfigError(
            f"forcing: path: {path} is NetCDF, provider {source.provider!r} reads CSV"
        )

    def file_of(catchment: str) -> Path:
        source = sources[catchment]
        where = Path(source.path)
        if source.file_pattern:
            return matching(where, source.file_pattern, catchment)
        # A catchment with a forcing block of its own names its one file.
        if where.is_dir():
            raise ConfigError(
                f"forcing: path: {where} is a folder: file_pattern is missing, such as "
                "'{{id}}.*[.]csv'"
            )
        return where

    return CsvForcing(path, file_of)


@contextmanager
def providers(realization: Realization, ids: Sequence[str]) -> Iterator[Providers]:
    """Give the provider of the forcing of every catchment; one file is opened once.

    Raises
    ------
    ConfigError, DataError
        When a file is not there or of another layout.
    """
    sources = {catchment: realization.source(catchment) for catchment in ids}
    providers: dict[tuple[str, str], ForcingProvider] = {}
    with ExitStack() as stack:
        for source in sources.values():
            key = (source.provider, source.path)
            if key not in providers:
                providers[key] = stack.enter_context(_provider(source, sources))
        yield {name: providers[s.provider, s.path] for name, s in sources.items()}


def _begins(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(4)


def borrowed(forcing: Providers) -> Iterator[Finding]:
    """Yield which catchments a NetCDF file lacks.

    Parameters
    ----------
    forcing : mapping of str to ForcingProvider
        By catchment.
    """
    findings = []
    for name, provider in forcing.items():
        if isinstance(provider, NetcdfForcing) and name not in provider.ids:
            hint = suggestion(name, provider.ids)
            findings.append(
                an_error(
                    f"{provider.path}: no forcing of catchment {name!r}: the framework "
                    "would use that of the first one in the file without a word"
                    f"{hint}",
                    "bring hydrofabric and forcing of the same version together",
                )
            )
    yield from a_few(findings, "catchments without the forcing")
