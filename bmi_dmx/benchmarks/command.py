"""The command ``dmx bench``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..errors import ConfigError
from . import BENCHMARKS, DEFAULT, run

__all__ = ["bench_arguments", "bench_command"]

_SIZES = ("places", "years")

_LEAST = {"places": 1, "years": 0.1}


def bench_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx bench``."""
    parser.add_argument(
        "name", nargs="?", choices=tuple(BENCHMARKS),
        help=f"what to measure (default: {' and '.join(DEFAULT)})",
    )  # fmt: skip
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the records here as well"
    )
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu",
        help="of scan alone: where (default: %(default)s)",
    )  # fmt: skip
    for size, kind in zip(_SIZES, (int, float), strict=True):
        parser.add_argument(f"--{size}", type=kind, help="of the whole run of simulate")


def bench_command(options: Namespace) -> None:
    """Run ``dmx bench``.

    Raises
    ------
    ConfigError
        A size goes with something else than what is measured, or is too small.
    """
    sizes = {n: size for n in _SIZES if (size := getattr(options, n)) is not None}
    if sizes and options.name != "simulate":
        raise ConfigError(f"--{next(iter(sizes))}: goes with 'simulate'")
    for name, size in sizes.items():
        if not size >= _LEAST[name]:
            raise ConfigError(
                f"--{name}: expected at least {_LEAST[name]}, found {size}"
            )
    run(options.name, options.json, options.device, **sizes)
