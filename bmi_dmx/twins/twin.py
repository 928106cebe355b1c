"""What ``dmx da twin`` does."""

from __future__ import annotations

from argparse import Namespace

from ..assimilation.lead_errors import errors_ahead
from ..assimilation.truth import truth_of
from .files import experiment_of, run_of
from .report import followed, record, shown, write_json
from .series import write_series

__all__ = ["twin"]


def twin(options: Namespace) -> None:
    """Follow a system with one filter, and show how well it did."""
    experiment = experiment_of(options)
    run = run_of(options, experiment)
    truth = truth_of(experiment)
    row = followed(truth, run)
    name = options.system.stem
    print(shown(experiment, [row], experiment.about or name), end="")
    print(
        f"\n{1e3 * row.seconds / experiment.cycles:.2f} ms a cycle for "
        f"{len(run.settings) * experiment.seeds} problems side by side"
    )
    content = record(experiment, [row], name)
    if options.json is not None:
        write_json(options.json, content)
    if options.output is not None:
        write_json(options.output / "scores.json", content)
        ahead = errors_ahead(truth, row.followed)
        write_series(options.output / "series.nc", truth, row, ahead)
        from .pictures import draw

        for path in draw(options.output, truth, row, ahead):
            print(path)
