"""What will be, from what was: a run up to now, and one on with every forcing.

Forcing of past years at the same season makes an ensemble where there is no forecast of
the forcing (Day 1985, doi:10.1061/(ASCE)0733-9496(1985)111:2(157)).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..bmi.settings import COLD
from ..data.axis import span_text
from ..data.table import stem_of
from ..errors import ConfigError, DataError
from ..files import atomic, folder_beside
from ..operate.bundle_cache import bundle_named
from ..operate.operation import Operation, step_text
from ..operate.system import system_of
from ..space import GridDescription
from .output import Axis, OutputVariable, SeriesFile
from .request import Request, forcing_of
from .run import run
from .series import Series

__all__ = ["NOW", "ForecastRequest", "forecast"]

NOW = "now"
"""The state that a history leads up to, wherever it starts."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ForecastRequest:
    """What is to be forecast, from what.

    Parameters
    ----------
    history : Request
        The run up to the beginning of the forecast; its output is what is written of
        it, and its settings are those of all runs. Its state may be :data:`NOW`: the
        history starts as the model does by itself.
    members : sequence of Path
        Forcing from then on, one file for each member; that of past years when empty.
    steps : int, optional
        Steps of the forecast; those of the shortest file when absent. Needed with the
        forcing of past years.
    output : Path
        CF NetCDF file of the forecast.
    span : timedelta, optional
        How long the forecast is, in place of steps.
    """

    history: Request
    members: Sequence[Path]
    steps: int | None
    output: Path
    span: timedelta | None = None


def forecast(options: ForecastRequest) -> Path:
    """Run a bundle up to now, and on with the forcing of every member.

    Returns
    -------
    Path
        The forecast, (time, member, place).

    Raises
    ------
    DmxError
        When something that is needed is not there or does not fit, such as forcing
        that does not begin where the history ends.
    """
    if not options.members and options.steps is None and options.span is None:
        raise ConfigError(
            "--steps or --days: without files of forcing, the number of steps is needed"
        )
    if options.output.is_dir():
        raise ConfigError(f"--output: {options.output} is a folder, expected a file")
    _refuse_twice(options.members)
    options = _in_steps(_from_now(options))
    # Of one step, what is to come is of the length of what was.
    lone_step = _refuse_misfits(options)
    options = replace(options, history=replace(options.history, lone_step=lone_step))
    with folder_beside(options.output.absolute()) as folder:
        now = folder / "now.state"
        run(replace(options.history, save_state=now))
        members = dict(_named(options.members))
        if not members:
            members = dict(_past_years(options, folder))
        outputs: dict[str, Path] = {}
        for name, path in members.items():
            outputs[name] = folder / f"member-{len(outputs)}.nc"
            _run_member(options.history, path, now, outputs[name])
        with atomic(options.output) as temporary:
            _put_together(outputs, temporary, options.steps)
    return options.output


def _from_now(options: ForecastRequest) -> ForecastRequest:
    """Return a request whose history, where it is to lead up to now, has a start.

    That is the first start of the model's own, by which the time before the history
    does not matter.
    """
    if options.history.state != NOW:
        return options
    bundle = bundle_named(options.history.bundle, Path())
    starts = system_of(bundle.manifest.system).starts
    start = next(iter(starts), COLD)
    return replace(options, history=replace(options.history, state=start))


def _in_steps(options: ForecastRequest) -> ForecastRequest:
    """Return what is asked for with its length in steps of the history.

    Raises
    ------
    ConfigError
        It is not a whole number of them.
    """
    if options.span is None:
        return options
    with forcing_of(options.history) as (_, series):
        step, shown = timedelta(seconds=series.seconds), step_text(series.seconds)
    count, rest = divmod(options.span, step)
    if rest or not count:
        raise ConfigError(
            f"--days: found {options.span / timedelta(days=1):g}, expected a whole "
            f"number of the steps of {options.history.forcing}, {shown}"
        )
    return replace(options, steps=count, span=None)


def _named(files: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield files under names that tell them apart."""
    stems = [stem_of(path) for path in files]
    whole = len(set(stems)) < len(stems)
    for path, stem in zip(files, stems, strict=True):
        yield (str(path) if whole else stem), path


def _refuse_twice(files: Sequence[Path]) -> None:
    """Refuse a file that would be two members, and count twice."""
    paths: dict[Path, Path] = {}
    for path in files:
        first = paths.setdefault(path.resolve(), path)
        if first is not path:
            raise ConfigError(
                f"{path}: is the same file as {first}, expected another for each member"
            )


def _refuse_misfits(options: ForecastRequest) -> float:
    """Refuse forcing that does not begin where the history ends, before any is run.

    Returns
    -------
    float
        Seconds of a step of the history.

    Raises
    ------
    DataError
        Naming the file, where it begins, and where the history ends.
    ConfigError
        When more steps are asked for than there are.
    """
    lengths = {}
    with forcing_of(options.history) as (_, past):
        end = past.start + timedelta(seconds=past.seconds * past.steps)
    for path in options.members:
        request = replace(options.history, forcing=path, lone_step=past.seconds)
        with forcing_of(request) as (_, series):
            begin, lengths[path] = series.start, series.steps
        if begin != end:
            apart = span_text(abs((begin - end).total_seconds()))
            how = f"{apart} are between" if begin > end else f"{apart} are in both"
            raise DataError(
                f"{path}: begins at {begin}, expected {end}, where {past.path} ends: "
                f"{how}"
            )
        if options.steps is not None and options.steps > series.steps:
            raise ConfigError(
                f"--steps: found {options.steps}, but {path} has {series.steps}"
            )
    if options.steps is None and len(set(lengths.values())) > 1:
        short = min(lengths, key=lambda path: lengths[path])
        _log.warning(
            "the forecast has %d steps, those of %s; others have up to %d",
            lengths[short], short, max(lengths.values()),
        )  # fmt: skip
    return past.seconds


def _run_member(history: Request, forcing: Path, now: Path, output: Path) -> None:
    # What is known of the places stands beside their series, in the output as well.
    places = history.attributes or history.output
    try:
        run(
            replace(
                history, forcing=forcing, attributes=places, state=str(now),
                save_state=None, output=output,
            )
        )  # fmt: skip
    except DataError as error:
        if str(forcing) in str(error):
            raise
        raise DataError(f"{forcing}: {error}") from None


def _past_years(options: ForecastRequest, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the forcing of the same season in the years before, as files."""
    steps = options.steps
    assert steps is not None
    with forcing_of(options.history) as (operation, series):
        if any(part.coupling == "stencil" for part in operation.plan.parts):
            raise ConfigError("a model of whole fields needs files of forcing")
        end = series.start + timedelta(seconds=series.seconds * series.steps)
        years = list(_same_season(series, end, steps))
        if not years:
            raise DataError(
                f"{series.path}: no {steps} steps of {step_text(series.seconds)} from "
                f"{end:%d %B} on in a year before {end:%Y}; expected at least one, or "
                "files of the forcing to come"
            )
        for year, first in years:
            path = folder / f"{year}.nc"
            part = series.together(
                operation.forcings, first, steps, options.history.policy
            )
            _write_forcing(path, operation, series, part, end)
            yield str(year), path


def _same_season(
    series: Series, end: datetime, steps: int
) -> Iterator[tuple[int, int]]:
    """Yield years, and the step at which the same season begins in them."""
    for year in range(end.year - 1, series.start.year - 1, -1):
        # There may be no 29 February.
        day = min(end.day, 28) if end.month == 2 else end.day
        offset = (end.replace(year=year, day=day) - series.start).total_seconds()
        first = round(offset / series.seconds)
        if 0 <= first <= series.steps - steps:
            yield year, first


def _write_forcing(
    path: Path,
    operation: Operation,
    series: Series,
    part: Mapping[str, Any],
    begin: datetime,
) -> None:
    """Write (time, place) forcing of the history, as if it began at another time."""
    variables = [OutputVariable(f.name, f.units, f.about) for f in operation.forcings]
    steps = len(next(iter(part.values())))
    epoch = (begin - type(begin)(1970, 1, 1)).total_seconds()
    places = GridDescription(type="points", rank=1, size=len(series.ids))
    with SeriesFile(
        path, variables, [places], series.ids, Axis(epoch, series.seconds, steps),
        source=str(series.path.name),
    ) as file:  # fmt: skip
        file.write(0, part)


def _put_together(outputs: dict[str, Path], target: Path, steps: int | None) -> None:
    """Write the series of all members into one file."""
    import netCDF4

    with netCDF4.Dataset(os.fspath(target), "w") as file:
        for member, path in enumerate(outputs.values()):
            with netCDF4.Dataset(os.fspath(path)) as source:
                if not member:
                    lengths = [_steps(other) for other in outputs.values()]
                    count = min([*lengths, *([steps] if steps is not None else [])])
                    _declare(file, source, list(outputs), count)
                for name, variable in source.variables.items():
                    if _varies(variable):
                        file[name][:, member] = variable[:count]


def _steps(path: Path) -> int:
    import netCDF4

    with netCDF4.Dataset(os.fspath(path)) as file:
        return len(file.dimensions["time"])


def _varies(variable: Any) -> bool:
    """Return whether a variable of an output is a series, and not a time itself."""
    dimensions = variable.dimensions
    return bool(dimensions[:1] == ("time",) and dimensions[1:] not in ((), ("bounds",)))


def _declare(file: Any, source: Any, names: Sequence[str], steps: int) -> None:
    """Declare what a forecast holds, and copy what is the same for all members."""
    file.setncatts({key: source.getncattr(key) for key in source.ncattrs()})
    file.createDimension("member", len(names))
    for name, dimension in source.dimensions.items():
        file.createDimension(name, steps if name == "time" else len(dimension))
    members = file.createVariable("member", str, ("member",))
    members.standard_name = "realization"
    members.long_name = "forcing of the forecast"
    for at, name in enumerate(names):
        members[at] = name
    for name, variable in source.variables.items():
        dimensions = variable.dimensions
        if _varies(variable):
            dimensions = ("time", "member", *dimensions[1:])
        copy = file.createVariable(name, variable.dtype, dimensions, compression="zlib"
                                   if variable.dtype is not str else None)  # fmt: skip
        copy.setncatts({key: variable.getncattr(key) for key in variable.ncattrs()
                        if key != "_FillValue"})  # fmt: skip
        if not _varies(variable):
            along = dimensions[:1] == ("time",)
            copy[...] = variable[:steps] if along else variable[...]
