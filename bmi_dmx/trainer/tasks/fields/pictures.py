"""Errors by lead, where they are, and at which scales."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...plots.style import COLOURS, INK, MUTED, SIMULATED, picture
from .samples import FieldSamples

__all__ = ["draw"]


def draw(
    path: Path,
    scores: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]],
    last: Mapping[str, Any],
    samples: FieldSamples,
) -> Path:
    """Draw errors by lead, a map of them with coastlines of the mask, and spectra.

    Parameters
    ----------
    path : path
        The picture.
    scores : mapping
        By forecast, field and lead.
    last : mapping
        Map and spectra of one lead.
    samples : FieldSamples
        Where cells are.
    """
    name = last["name"]
    with picture(path, 9.0, 5.6) as figure:
        grid = figure.add_gridspec(2, 2, height_ratios=(1.2, 1.0))
        whole = figure.add_subplot(grid[0, :])
        shown = whole.pcolormesh(samples.x, samples.y, last["error"], cmap="viridis")
        whole.contour(
            samples.x, samples.y, samples.mask.astype(float), levels=[0.5],
            colors=INK, linewidths=0.6,
        )  # fmt: skip
        whole.set_title(f"error of {name} at lead {last['lead']}")
        figure.colorbar(shown, ax=whole)
        errors = figure.add_subplot(grid[1, 0])
        colours = dict(zip(scores, (SIMULATED, MUTED, *COLOURS[2:], INK), strict=False))
        for forecast, colour in colours.items():
            by_lead = scores[forecast][name]
            leads = [int(lead) for lead in by_lead]
            values = [one["rmse"] for one in by_lead.values()]
            errors.plot(leads, values, "o-", color=colour, label=forecast, markersize=3)
        errors.set_xlabel("lead")
        errors.set_ylabel("rmse")
        errors.legend(fontsize=6)
        spectra = figure.add_subplot(grid[1, 1])
        waves = np.arange(1, len(last["spectrum"]))
        spectra.loglog(
            waves, last["observed_spectrum"][1:], color=INK, label="observed"
        )
        spectra.loglog(waves, last["spectrum"][1:], color=SIMULATED, label="model")
        spectra.set_xlabel("waves around the rows")
        spectra.set_ylabel("variance")
        spectra.legend(fontsize=6)
    return path
