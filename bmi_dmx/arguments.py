"""What arguments of commands have in common: options, numbers, files that stay."""

from __future__ import annotations

import math
import os
from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    _SubParsersAction,
)
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from logging import DEBUG, ERROR
from pathlib import Path
from typing import Any, TypeVar

from .errors import ConfigError
from .files import ADDRESS, refuse_device

__all__ = [
    "add_common",
    "by_name",
    "netcdf",
    "number",
    "parsed",
    "picture",
    "refuse_to_replace",
    "whole",
]

T = TypeVar("T")

_WRITTEN = ("output", "past", "map", "picture", "save_state")
"""Arguments that name a file to be written."""


def by_name(option: str, pairs: Iterable[tuple[str, T]]) -> dict[str, T]:
    """Return what an option says of several names.

    Raises
    ------
    ConfigError
        It says something of one name twice.
    """
    values: dict[str, T] = {}
    for name, value in pairs:
        if values.setdefault(name, value) != value:
            raise ConfigError(
                f"{option}: {name!r} is given twice, {values[name]!r} and {value!r}"
            )
    return values


def whole(least: int) -> Callable[[str], int]:
    """Return a type of arguments: a whole number that is not below the least.

    Raises
    ------
    ArgumentTypeError
        By what is returned, when it is another one.
    """

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise ArgumentTypeError(
                f"found {text!r}, expected a whole number, {least} or more"
            )
        return number

    return read


def number(least: float, most: float = math.inf) -> Callable[[str], float]:
    """Return a type of arguments: a number within limits.

    Raises
    ------
    ArgumentTypeError
        By what is returned, when it is another one.
    """
    limits = f"from {least:g} to {most:g}" if most < math.inf else f"{least:g} or more"

    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not (least <= number <= most and math.isfinite(number)):
            raise ArgumentTypeError(f"found {text!r}, expected a number, {limits}")
        return number

    return read


_OTHER_KINDS = (
    ".csv", ".gz", ".json", ".parquet", ".pdf", ".png", ".svg", ".tsv", ".txt", ".xlsx",
    ".yaml", ".yml", ".zarr",
)  # fmt: skip
"""Ends of names that say what NetCDF is not."""


def netcdf(text: str) -> Path:
    """Read the name of a NetCDF file to be written.

    Raises
    ------
    ArgumentTypeError
        The name is that of another kind of file.
    """
    path = Path(text)
    if path.suffix.lower() in _OTHER_KINDS:
        raise ArgumentTypeError(
            f"found {text!r}, expected a name such as '{path.stem}.nc': what is "
            "written is NetCDF"
        )
    return path


_PICTURES = frozenset({
    ".avif", ".eps", ".gif", ".jpeg", ".jpg", ".pdf", ".pgf", ".png", ".ps", ".svg",
    ".svgz", ".tif", ".tiff", ".webp",
})  # fmt: skip
"""Ends of names of pictures that can be drawn."""


def picture(text: str) -> Path:
    """Read the name of a picture to be drawn, before anything is computed for it.

    Raises
    ------
    ArgumentTypeError
        The name is not that of a picture.
    """
    path = Path(text)
    if path.suffix.lower() not in _PICTURES:
        raise ArgumentTypeError(
            f"found {text!r}, expected a name such as '{path.stem or 'picture'}.png', "
            ".pdf or .svg"
        )
    return path


def add_common(parser: ArgumentParser, **defaults: Any) -> None:
    """Add the options that all commands have, to the actions of a command as well.

    Parameters
    ----------
    parser : ArgumentParser
        Of a command, with its own arguments.
    **defaults : object
        Of the options. Actions have none: they would replace what stood before them.
    """
    parser.add_argument(
        "--traceback", action="store_true", default=SUPPRESS,
        help="show where an error arose",
    )  # fmt: skip
    loud = parser.add_mutually_exclusive_group()
    for option, level, about in (
        ("--quiet", ERROR, "show nothing but results and errors"),
        ("--verbose", DEBUG, "show all there is to say"),
    ):
        loud.add_argument(
            option, action="store_const", dest="shown", const=level, default=SUPPRESS,
            help=about,
        )  # fmt: skip
    parser.set_defaults(**defaults)
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for inner in action.choices.values():
                add_common(inner)


def parsed(parser: ArgumentParser, arguments: Sequence[str] | None) -> Namespace:
    """Return the options of a command line, files and options in any order.

    Parsers of Python before 3.13 take an argument of any number for empty where the
    first option comes, and refuse what follows it.

    Parameters
    ----------
    parser : ArgumentParser
        With commands, and actions of these.
    arguments : sequence of str, optional
        Default: those of the process.

    Raises
    ------
    SystemExit
        When there is something that no argument takes.
    """
    options, late = parser.parse_known_args(arguments)
    command = _innermost(parser, options)
    many = [
        action for action in command._actions
        if not action.option_strings and action.nargs in ("*", "+")
    ]  # fmt: skip
    if late and not (many and all(not text.startswith("-") for text in late)):
        command.error(f"unrecognized arguments: {' '.join(late)}")
    if late:
        before = list(getattr(options, many[-1].dest) or ())
        values = command._get_values(many[-1], late)
        setattr(options, many[-1].dest, [*before, *values])
    for name, value in vars(options).items():
        setattr(options, name, _from_home(value))
        if isinstance(value, Path) and ADDRESS.match(str(value)):
            command.error(
                f"{name}: {value} is an address, expected a path: download it"
            )
    return options


def _from_home(value: Any) -> Any:
    """Return an argument with the home folder put in for ``~``.

    Shells do so where a word begins with it, and not in ``--output=~/flow.nc``.
    """
    if isinstance(value, list):
        return [_from_home(entry) for entry in value]
    if not isinstance(value, (str, Path)) or str(value)[:2] != "~/":
        return value
    if os.path.exists(value):
        return value
    path = os.path.expanduser(value)
    return Path(path) if isinstance(value, Path) else path


def _innermost(parser: ArgumentParser, options: Namespace) -> ArgumentParser:
    """Return the parser of the command or action that was asked for."""
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            name = getattr(options, action.dest, None)
            if name is not None:
                return _innermost(action.choices[name], options)
    return parser


def refuse_to_replace(options: Namespace) -> None:
    """Refuse a file to be written that the same command reads, or writes twice.

    So is a device such as ``/dev/null``: before hours of work, not after them. Saving
    the state in the file that was begun from is no such case.

    Parameters
    ----------
    options : Namespace
        What was parsed.

    Raises
    ------
    ConfigError
        Naming the option and the file.
    OSError
        Where it is a device or pipe.
    """
    arguments: Mapping[str, Any] = vars(options)
    outputs = {name: Path(arguments[name]) for name in _WRITTEN if arguments.get(name)}
    for name, path in outputs.items():
        option = f"--{name.replace('_', '-')}"
        for other, second in outputs.items():
            if other < name and path.absolute() == second.absolute():
                raise ConfigError(
                    f"{option}: {path} is what --{other.replace('_', '-')} writes as "
                    "well, expected another file"
                )
        refuse_device(path)
        if not path.is_file():
            continue
        for other, value in arguments.items():
            if other in _WRITTEN or (name, other) == ("save_state", "state"):
                continue
            for source in _files(value):
                if os.path.samefile(path, source):
                    raise ConfigError(
                        f"{option}: {path} is read by this command and would be lost, "
                        "expected another file"
                    )


def _files(value: Any) -> Iterator[Path]:
    """Yield the files that an argument names, as far as there are any."""
    if isinstance(value, (list, tuple)):
        for entry in value:
            yield from _files(entry)
    elif isinstance(value, (str, Path)) and value:
        try:
            if os.path.isfile(value):
                yield Path(value)
        except ValueError:  # no path at all, such as one with a zero byte
            return
