"""How ``dmx --help`` tells its commands apart, and what shells complete."""

from __future__ import annotations

from argparse import Action, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping
from textwrap import fill

from .errors import ConfigError

__all__ = ["EXIT", "GROUPS", "SHELLS", "GroupedHelp", "completion", "listed"]

GROUPS: Mapping[str, tuple[str, ...]] = {
    "data": ("new", "data", "schema"),
    "train": ("train", "tune", "experiment", "import"),
    "evaluate": ("evaluate", "compare", "report", "plot"),
    "run": ("export", "combine", "run", "forecast"),
    "rivers": ("river", "route"),
    "ngen": ("ngen", "simulate"),
    "assimilation": ("da",),
    "look around": ("info", "demo", "bench"),
    "machines": ("health", "prebuild", "completion"),
}
"""Commands by what they are for."""

EXIT = (
    "exit status: 0 done, 1 failed (one line on the error stream says why, "
    "--traceback where), 2 wrong usage, 130 interrupted"
)

SHELLS = ("bash", "zsh", "tcsh")

WIDTH = 80
"""Of a terminal."""


class GroupedHelp(RawDescriptionHelpFormatter):
    """Help whose commands stand in the description, by group."""

    def add_argument(self, action: Action) -> None:
        """Add an argument, but no list of all commands."""
        if action.dest != "command":
            super().add_argument(action)


def listed(about: Mapping[str, str]) -> str:
    """Return the commands by group, a line or two for each.

    Parameters
    ----------
    about : mapping of str to str
        What each command does.
    """
    parts = []
    for group, names in GROUPS.items():
        lines = [
            fill(
                f"{name:<12}{about[name]}", WIDTH, initial_indent="  ",
                subsequent_indent=" " * 14,
            )
            for name in names
        ]  # fmt: skip
        parts.append("\n".join([f"{group}:", *lines]))
    return "\n\n".join([*parts, fill(EXIT, WIDTH)])


def completion(parser: ArgumentParser, shell: str) -> str:
    """Return the script that lets a shell complete commands and options.

    Parameters
    ----------
    parser : ArgumentParser
        Of all commands.
    shell : str
        One of :data:`SHELLS`.

    Raises
    ------
    ConfigError
        It is none of them.
    ModuleNotFoundError
        The library that writes it is not installed.
    """
    import shtab

    if shell not in SHELLS:
        raise ConfigError(
            f"shell: found {shell!r}, expected one of {', '.join(SHELLS)}"
        )
    return str(shtab.complete(parser, shell=shell))
