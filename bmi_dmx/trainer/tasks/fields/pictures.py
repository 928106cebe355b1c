"""Errors by lead, where they are, and at which scales."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...plots.style import COLOURS, INK, MUTED, SIMULATED, picture
from .samples import FieldSamples

__all__ = ["draw", "draw_compared"]


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


def draw_compared(
    path: Path, scores: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]
) -> Path:
    """Draw by how much models err more than the first one, by lead, with intervals.

    Parameters
    ----------
    path : path
        The picture.
    scores : mapping
        By field, lead and model, the first one without ``difference``.
    """
    with picture(path, 4.8 * len(scores), 3.6) as figure:
        shown = figure.subplots(1, len(scores), squeeze=False)[0]
        for axes, (name, leads) in zip(shown, scores.items(), strict=True):
            first, *others = next(iter(leads.values()))
            axes.axhline(0.0, color=INK, linewidth=0.8)
            for k, model in enumerate(others):
                apart = [one[model]["difference"] for one in leads.values()]
                value = np.array([one["value"] for one in apart])
                ends = [value - [one["low"] for one in apart],
                        [one["high"] for one in apart] - value]  # fmt: skip
                # Beside each other, where leads would lie on each other.
                at = np.arange(len(leads)) + 0.6 * ((k + 0.5) / len(others) - 0.5)
                colour = COLOURS[(k + 1) % len(COLOURS)]
                axes.errorbar(
                    at, value, ends, fmt="o", markersize=3, color=colour, label=model
                )
            axes.set_xticks(np.arange(len(leads)), list(leads))
            axes.set(xlabel="lead", ylabel=f"rmse less that of {first}", title=name)
            if others:
                axes.legend(fontsize=6)
    return path
