"""What ``dmx da table`` does."""

from __future__ import annotations

from argparse import Namespace

from ..assimilation.truth import truth_of
from ..errors import ConfigError
from ..files import atomic
from .files import experiment_of
from .report import followed, markdown, record, shown, write_json

__all__ = ["table"]


def table(options: Namespace) -> None:
    """Follow a system with all filters of a file, beside what others have reached."""
    experiment = experiment_of(options)
    runs = [
        run
        for run in experiment.runs
        if not options.only or any(part in run.title for part in options.only)
    ]
    if not runs:
        titles = ", ".join(run.title for run in experiment.runs) or "none"
        raise ConfigError(f"{options.system}: no filter is chosen; there are: {titles}")
    truth = truth_of(experiment)
    rows = [followed(truth, run) for run in runs]
    name = options.system.stem
    print(shown(experiment, rows, experiment.about or name), end="")
    content = record(experiment, rows, name)
    if options.json is not None:
        write_json(options.json, content)
    if options.output is not None:
        write_json(options.output / f"{name}.json", content)
        with atomic(options.output / f"{name}.md") as temporary:
            temporary.write_text(markdown(experiment, rows), encoding="utf-8")
        print(f"\n{options.output / name}.md")
