"""What is understood of data, what is assumed, and what is odd: ``dmx data check``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import fill

import numpy as np

from ..data.axis import span_text
from ..data.netcdf import opened
from ..errors import ConfigError, DataError, DmxError
from ..logs import remarks
from ..tables import Column, print_table
from ..trainer.requests import ScoringRequest
from ..trainer.tasks.basins.data.basins import BasinData
from ..trainer.tasks.basins.data.problems import all_at_once
from ..trainer.tasks.basins.data.read import open_source, read
from ..trainer.tasks.basins.data.source import Source
from ..trainer.tasks.basins.data.spec import FORCINGS, DataSpec
from ..trainer.tasks.basins.scored_data import data_spec
from .lag import best_lags, summary

__all__ = ["check", "spec_of"]

HYDROFABRICS = (".gpkg", ".geojson", ".json")

WIDTH = 80
"""Of a terminal."""


def check(path: Path, settings: Sequence[str], picture: Path | None) -> None:
    """Print what a data set holds.

    Parameters
    ----------
    path : Path
        Basins, forcing of NextGen or a hydrofabric.
    settings : sequence of str
        ``data.KEY=VALUE``, how basins are read.
    picture : Path, optional
        Where to draw the series of basins.

    Raises
    ------
    DmxError
        When it cannot be read; what was understood before is printed.
    """
    if path.suffix.lower() in HYDROFABRICS:
        _refuse_picture(picture, "a hydrofabric")
        _hydrofabric(path)
    elif _is_forcing(path):
        _refuse_picture(picture, "forcing of NextGen")
        _forcing(path)
    else:
        _basins(path, settings, picture)


def spec_of(path: Path, settings: Sequence[str]) -> DataSpec:
    """Return how basins are read, the reader chosen by what they are."""
    return data_spec(ScoringRequest(data=path, settings=tuple(settings)))


def _refuse_picture(picture: Path | None, what: str) -> None:
    if picture is not None:
        raise ConfigError(f"--picture: {what} is not drawn")


def _is_forcing(path: Path) -> bool:
    """Return whether a file is in the layout of NextGen's forcing."""
    if not path.is_file():
        return False
    try:
        with opened(path) as file:
            return {"catchment-id", "time"} <= set(file.dimensions)
    except DmxError:
        return False


def _say(texts: Iterable[str], path: Path) -> None:
    """Print remarks; the path, which stands above, is left out of them."""
    for text in texts:
        plain = text
        for prefix in (path.resolve(), path):
            plain = plain.replace(f"{prefix}: ", "").replace(f"{prefix}/", "")
        print(fill(plain, WIDTH, initial_indent="  - ", subsequent_indent="    "))


# Basins


def _basins(path: Path, settings: Sequence[str], picture: Path | None) -> None:
    notes: dict[str, None] = {}
    data = None
    try:
        with remarks() as notes, all_at_once():
            spec = spec_of(path, settings)
            source = open_source(spec, Path.cwd())
            print(f"{path}: reader {spec.reader!r}, {source.ids.size} basins")
            _attributes(source)
            # Those that can be computed have no problems of their own.
            data = read(replace(spec, attributes="file"))
    finally:
        if data is not None:
            _series(data)
        if notes:
            print("\nassumed, repaired and odd")
            _say(notes, path)
    lags = best_lags(data.forcing["precipitation"], data.target)
    lines = summary(lags, "day" if data.seconds == 86400 else "step")
    if lines:
        print("\nrain and flow")
        _say(lines, path)
    if picture is not None:
        from .picture import draw

        print(f"\n{draw(picture, data, lags)}")


def _attributes(source: Source) -> None:
    """Print which attributes there are, those of classes by what they are of."""
    counts: dict[str, int] = {}
    classes: dict[str, int] = {}
    for name, values in source.attributes.items():
        whole, _, one = name.partition("__")
        if one:
            classes[whole] = classes.get(whole, 0) + 1
        counts[whole] = int(np.isfinite(values).sum())
    words = []
    for name, count in counts.items():
        more = f"{classes[name]} classes" if name in classes else ""
        if count < source.ids.size:
            more = f"{more}, " * bool(more) + f"known in {count}"
        words.append(f"{name} ({more})" if more else name)
    if words:
        text = f"attributes: {', '.join(words)}"
        print(fill(text, WIDTH, subsequent_indent="  "))
    reasons = Counter(source.left_out.values())
    for reason, count in reasons.items():
        print(f"left out: {count} basins: {reason}")


def _series(data: BasinData) -> None:
    first, last = (str(data.time[k]).replace("T", " ") for k in (0, -1))
    step = span_text(data.seconds)
    print(f"{data.time.size} steps of {step} from {first} to {last}\n")
    series = {**data.forcing, "streamflow": data.target}
    units = {**FORCINGS, "streamflow": "mm d-1"}
    valid = {name: np.isfinite(x) for name, x in series.items()}
    names = [name for name in series if valid[name].any()]
    print_table([
        Column(header="series", values=names),
        Column(header="units", values=[units[name] for name in names]),
        Column(
            header="mean", format=".2f",
            values=[float(series[n][valid[n]].mean(dtype=np.float64)) for n in names],
        ),
        Column(
            header="least", format=".2f",
            values=[float(series[n][valid[n]].min()) for n in names],
        ),
        Column(
            header="greatest", format=".2f",
            values=[float(series[n][valid[n]].max()) for n in names],
        ),
        Column(
            header="missing", format=".1%",
            values=[float(1.0 - valid[n].mean()) for n in names],
        ),
    ])  # fmt: skip


# NextGen


def _forcing(path: Path) -> None:
    from ..ngen.assumed_units import assumed_units
    from ..ngen.forcing import STEP, moment
    from ..ngen.netcdf_forcing import NetcdfForcing
    from ..ngen.rain import contradiction

    with NetcdfForcing(path, strict=False) as forcing:
        ids = forcing.ids
        start, end = forcing.span(ids[0])
        print(
            f"{path}: forcing of {len(ids)} catchments, {(end - start) // STEP} hours "
            f"from {moment(start)}"
        )
        # What the framework calls them is no name of the file.
        columns = [name for name in forcing.names(ids[0]) if "__" not in name]
        names = [name for name in columns if forcing.states_units(ids[0], name)]
        if names:
            print("units given: " + ", ".join(
                f"{name} ({forcing.units(ids[0], name)})" for name in names
            ))  # fmt: skip
        notes = [
            *forcing.remarks,
            *assumed_units(forcing, ids, start, (end - start) // STEP),
            *contradiction(forcing, ids, start, (end - start) // STEP),
        ]
    try:
        with NetcdfForcing(path):
            pass
    except DataError as error:
        notes.append(f"ngen itself does not read it: {error}")
    _say(notes, path)


def _hydrofabric(path: Path) -> None:
    from ..ngen.attributes import topography
    from ..ngen.hydrofabric import read_hydrofabric

    domain = read_hydrofabric(path)
    print(
        f"{path}: {len(domain.catchments)} catchments, {len(domain.nexuses)} nexuses, "
        f"reference system {domain.reference or 'not declared'}"
    )
    values, notes = topography(domain)
    for name, array in values.items():
        finite = array[np.isfinite(array)]
        if finite.size:
            print(
                f"  {name}: {finite.min():.4g} to {finite.max():.4g}, "
                f"known of {finite.size}"
            )
    _say([*domain.remarks, *notes], path)
