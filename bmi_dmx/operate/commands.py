"""The commands ``dmx prebuild`` and ``dmx health``.

Only arguments are declared at import; what a command needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

__all__ = [
    "health_arguments", "health_command", "prebuild_arguments", "prebuild_command",
]  # fmt: skip

_BUNDLES = "bundles, by name or folder (default: those that come with the package)"


def prebuild_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx prebuild``."""
    from ..kernels.processor import DEFAULT_LEVEL, LEVELS

    parser.add_argument(
        "folder", type=Path, metavar="DIR",
        help="where to; BMI_DMX_KERNELS names it where the bundles are to run",
    )  # fmt: skip
    parser.add_argument("bundles", nargs="*", metavar="BUNDLE", help=_BUNDLES)
    parser.add_argument(
        "--level", choices=LEVELS, default=DEFAULT_LEVEL,
        help="instruction set (default: %(default)s)",
    )  # fmt: skip


def prebuild_command(options: Namespace) -> None:
    """Run ``dmx prebuild``."""
    from ..bundle import bundles
    from .kernels import prebuild

    count = prebuild(options.folder, options.bundles or bundles, options.level)
    print(f"{count} kernels for {options.level} in {options.folder}")


def health_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx health``."""
    parser.add_argument("bundles", nargs="*", metavar="BUNDLE", help=_BUNDLES)


def health_command(options: Namespace) -> None:
    """Run ``dmx health``."""
    from ..bundle import bundles
    from .health import check_health

    for name in options.bundles or bundles:
        print(check_health(name))
