"""The command ``dmx combine``.

Only arguments are declared at import; what it needs is imported when it runs.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError

__all__ = ["combine_arguments", "combine_command"]

MEAN, LEARNED = "mean", "learned"
"""Words for weights."""


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
        "--weights", nargs="+", metavar="W",
        help="mean: all alike (default); learned: from --data; or one number for each "
        "model",
    )  # fmt: skip
    parser.add_argument(
        "--data", nargs="+", metavar=("DATA", "data.key=value"),
        help="places that weights are learned from; see dmx evaluate --data",
    )  # fmt: skip
    parser.add_argument(
        "--period", nargs=2, metavar="DAY",
        help="first and last day that weights are learned from, none of those that are "
        "to test",
    )  # fmt: skip
    parser.add_argument(
        "--licence", metavar="SPDX",
        help="of the whole, where those of the models differ",
    )  # fmt: skip


def combine_command(options: Namespace) -> None:
    """Run ``dmx combine``."""
    from .preflight import loading

    loading(", ".join(options.models))
    from .combine import combine

    texts = options.weights or [LEARNED if options.data else MEAN]
    if texts == [LEARNED]:
        _combine_learned(options)
        return
    for name in ("data", "period"):
        if getattr(options, name) is not None:
            raise ConfigError(f"--{name}: goes with --weights {LEARNED}")
    weights = None if texts == [MEAN] else _numbers(texts)
    bundle = combine(options.models, options.output, weights, licence=options.licence)
    print(bundle.path)


def _numbers(texts: Sequence[str]) -> list[float]:
    try:
        return [float(weight) for weight in texts]
    except ValueError:
        raise ConfigError(
            f"--weights: found {' '.join(texts)!r}, expected {MEAN}, {LEARNED}, or one "
            "number for each model"
        ) from None


def _combine_learned(options: Namespace) -> None:
    """Combine models by the weights that do best on data."""
    from .combine import combine, learned_weights
    from .preflight import days
    from .requests import ScoringRequest

    for name, what in (("data", "which places"), ("period", "which days")):
        if getattr(options, name) is None:
            raise ConfigError(
                f"--weights {LEARNED}: --{name} says from {what} they are learned"
            )
    request = ScoringRequest(
        data=Path(options.data[0]),
        settings=tuple(options.data[1:]),
        period=days(options.period),
    )
    weighing = learned_weights(options.models, request, licence=options.licence)
    for model, weight in weighing.weights.items():
        print(f"{model}: {weight:.3f}" if weight else f"{model}: left out, weight 0")
    weights = {model: weight for model, weight in weighing.weights.items() if weight}
    if len(weights) < 2:
        raise ConfigError(
            f"weights: {next(iter(weights))} alone does best; use it alone"
        )
    bundle = combine(
        list(weights), options.output, list(weights.values()), licence=options.licence,
        weighted=weighing.provenance,
    )  # fmt: skip
    print(bundle.path)
