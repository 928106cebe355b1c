"""``dmx demo``: what the package does, on a small example of each kind."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

__all__ = ["demo_arguments", "demo_command"]


def demo_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx demo`` to a parser."""
    parser.add_argument(
        "of", nargs="?", choices=("river", "ocean", "da"), default="river",
        help="what of (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, default=Path("runs/demo"), metavar="DIR",
        help="folder of the results (default: %(default)s)",
    )  # fmt: skip


def demo_command(options: Namespace) -> None:
    """Show one of them."""
    from ..trainer.preflight import loading

    loading("demo")
    if options.of == "ocean":
        from .ocean import ocean_demo

        print(ocean_demo(options.output))
    elif options.of == "da":
        from .assimilation import assimilation_demo

        assimilation_demo(options.output)
    else:
        from .run import demo

        demo(options.output)
