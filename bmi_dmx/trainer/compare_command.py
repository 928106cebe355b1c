"""The command ``dmx compare``.

Only arguments are declared at import; what it needs is imported when it runs.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from .requests import ComparisonRequest, ScoringRequest

__all__ = ["compare_arguments", "compare_command"]


def compare_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx compare``."""
    parser.add_argument(
        "models", nargs="+", metavar="model",
        help="folder of a run, or a bundle, by name or folder; the first one is what "
        "others are compared with",
    )  # fmt: skip
    parser.add_argument(
        "--baselines", action="store_true",
        help="beside what any model must beat, such as persistence and climatology",
    )  # fmt: skip
    parser.add_argument(
        "--lstm", action="store_true",
        help="train an LSTM without physics on the data of the first run, with as many "
        "steps of as many windows, and compare it too",
    )  # fmt: skip
    parser.add_argument(
        "--period", nargs="+", metavar=("PERIOD", "DAY"),
        help="of runs: train, validation or test (default: test); of bundles alone the "
        "first and the last day",
    )  # fmt: skip
    parser.add_argument(
        "--data", nargs="+", metavar=("DATA", "data.key=value"),
        help="what bundles alone are compared on, as for dmx evaluate",
    )  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="print the scores as JSON, for scripts"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR",
        help="folder of table and picture (default: a new one in evaluations)",
    )  # fmt: skip


def compare_command(options: Namespace) -> None:
    """Run ``dmx compare``."""
    from .preflight import days, loading, of_run

    scoring = None
    if options.data is not None:
        scoring = ScoringRequest(
            data=Path(options.data[0]),
            settings=tuple(options.data[1:]),
            period=None if options.period is None else days(options.period),
        )
    request = ComparisonRequest(
        period=of_run(None if scoring else options.period),
        scoring=scoring,
        baselines=options.baselines,
        output=options.output,
    )
    loading(options.models[0])
    from .compare import compare

    contest = compare(options.models, request, lstm=options.lstm)
    if options.json:
        print(json.dumps({**contest.plain(), "folder": str(contest.folder)}, indent=2))
        return
    contest.show()
    print(f"\n{contest.folder}")
