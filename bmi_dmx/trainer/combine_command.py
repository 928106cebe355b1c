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
    from .beforehand import loading

    loading(", ".join(options.models))
    from .combine import combine

    given = options.weights or [LEARNED if options.data else MEAN]
    if given == [LEARNED]:
        _combine_learned(options)
        return
    for name in ("data", "period"):
        if getattr(options, name) is not None:
            raise ConfigError(f"--{name}: goes with --weights {LEARNED}")
    weights = None if given == [MEAN] else _numbers(given)
    bundle = combine(options.models, options.output, weights, licence=options.licence)
    print(bundle.path)


def _numbers(given: Sequence[str]) -> list[float]:
    try:
        return [float(weight) for weight in given]
    except ValueError:
        raise ConfigError(
            f"--weights: found {' '.join(given)!r}, expected {MEAN}, {LEARNED}, or one "
            "number for each model"
        ) from None


def _combine_learned(options: Namespace) -> None:
    """Combine models by the weights that do best on data."""
    from .asked import Scoring
    from .beforehand import days
    from .combine import combine, learned_weights

    for name, what in (("data", "which places"), ("period", "which days")):
        if getattr(options, name) is None:
            raise ConfigError(
                f"--weights {LEARNED}: --{name} says from {what} they are learned"
            )
    asked = Scoring(
        data=Path(options.data[0]),
        settings=tuple(options.data[1:]),
        period=days(options.period),
    )
    found = learned_weights(options.models, asked, licence=options.licence)
    for model, weight in found.weights.items():
        print(f"{model}: {weight:.3f}" if weight else f"{model}: left out, weight 0")
    kept = {model: weight for model, weight in found.weights.items() if weight}
    if len(kept) < 2:
        raise ConfigError(f"weights: {next(iter(kept))} alone does best; use it alone")
    bundle = combine(
        list(kept), options.output, list(kept.values()), licence=options.licence,
        weighted=found.provenance,
    )  # fmt: skip
    print(bundle.path)
