"""The command ``dmx combine``.

Only arguments are declared at import; what it needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..errors import ConfigError

__all__ = ["combine_arguments", "combine_command"]


def combine_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx combine``."""
    parser.add_argument(
        "models", nargs="+", metavar="model",
        help="bundle, by name or folder, or folder of a run",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR",
        help="folder of the bundle",
    )  # fmt: skip
    parser.add_argument(
        "--weights", type=float, nargs="+", metavar="W",
        help="one for each model (default: all alike)",
    )  # fmt: skip
    parser.add_argument(
        "--data", nargs="+", metavar=("DATA", "data.key=value"),
        help="learn the weights from these places instead; see dmx evaluate --data",
    )  # fmt: skip
    parser.add_argument(
        "--period", nargs=2, metavar="DAY",
        help="with --data: first and last day that weights are learned from, none of "
        "those that are to test",
    )  # fmt: skip
    parser.add_argument(
        "--licence", metavar="SPDX",
        help="of the whole, where those of the models differ",
    )  # fmt: skip


def combine_command(options: Namespace) -> None:
    """Run ``dmx combine``."""
    from .combine import combine, learned_weights
    from .commands import days
    from .task import Scoring

    if options.data is None:
        if options.period is not None:
            raise ConfigError("--period: goes with --data")
        bundle = combine(
            options.models, options.output, options.weights, licence=options.licence
        )
        print(bundle.path)
        return
    if options.weights is not None:
        raise ConfigError("--weights, --data: expected one of them")
    if options.period is None:
        raise ConfigError("--data: --period says from which days weights are learned")
    asked = Scoring(
        data=Path(options.data[0]),
        settings=tuple(options.data[1:]),
        period=days(options.period),
    )
    found = learned_weights(options.models, asked, licence=options.licence)
    for model, weight in found.items():
        print(f"{model}: {weight:.3f}" if weight else f"{model}: left out, weight 0")
    kept = {model: weight for model, weight in found.items() if weight}
    if len(kept) < 2:
        raise ConfigError(f"weights: {next(iter(kept))} alone does best; use it alone")
    bundle = combine(
        list(kept), options.output, list(kept.values()), licence=options.licence,
        weighted={
            "data": {"path": asked.data.name},
            "periods": {"train": [day.isoformat() for day in asked.period or ()]},
        },
    )  # fmt: skip
    print(bundle.path)
