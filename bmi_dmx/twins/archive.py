"""What ``dmx da archive`` does."""

from __future__ import annotations

from argparse import Namespace

from ..assimilation.archive import write_archive
from ..assimilation.truth import truth_of
from .files import experiment_of

__all__ = ["archive"]


def archive(options: Namespace) -> None:
    """Write noisy observations of a system."""
    experiment = experiment_of(options)
    truth = truth_of(experiment)
    write_archive(options.output, truth, tell=options.truth)
    print(
        f"{options.output}: {experiment.seeds} series of {experiment.cycles} times, "
        f"{truth.operators.count} of {truth.model.size} entries each"
    )
