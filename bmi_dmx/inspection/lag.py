"""How long after rain rivers rise: whether the days of both are the same days.

Where rain is read in the morning, its day is another than that of the flow. A model
that is trained on such data learns to wait, or to foresee.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAGS", "best_lags", "summary"]

Array = NDArray[np.floating]

LAGS = range(-2, 6)
"""Steps after the rain at which a rise is looked for; below 0: before it."""

ENOUGH = 200
"""Steps with rain and flow below which nothing is said of a basin."""


def best_lags(precipitation: Array, flow: Array) -> NDArray[np.float64]:
    """Return the steps between rain and the rise of flow, basin by basin.

    The lag is that at which rain and the rises (falls count as none) correlate best.
    Roots are taken, lest a few floods decide.

    Parameters
    ----------
    precipitation, flow : (T, B) array
        NaN in ``flow`` where there is no observation.

    Returns
    -------
    (B,) float64
        One of :data:`LAGS`; NaN where there is not enough of both.
    """
    rises = np.full(flow.shape, np.nan)
    rises[1:] = np.sqrt(np.maximum(np.diff(flow.astype(np.float64), axis=0), 0.0))
    rain = np.sqrt(np.maximum(precipitation.astype(np.float64), 0.0))
    scores = np.array([_correlations(rain, rises, lag) for lag in LAGS])
    valid = np.isfinite(scores).all(axis=0)
    best = np.full(flow.shape[1], np.nan)
    best[valid] = np.asarray(LAGS, dtype=float)[np.argmax(scores[:, valid], axis=0)]
    return best


def _correlations(rain: Array, rises: Array, lag: int) -> NDArray[np.float64]:
    """Return the correlation of each basin at one lag; NaN of too few steps."""
    steps = len(rain) - abs(lag)
    if steps < ENOUGH:
        return np.full(rain.shape[1], np.nan)
    before = rain[max(0, -lag) :][:steps]
    after = rises[max(0, lag) :][:steps]
    valid = np.isfinite(after)
    count = valid.sum(axis=0)
    enough = count >= ENOUGH
    number = np.maximum(count, 1)

    def centred(values: Array) -> Array:
        some = np.where(valid, values, 0.0)
        return np.where(valid, values - some.sum(axis=0) / number, 0.0)

    x, y = centred(before), centred(after)
    size = np.sqrt((x * x).sum(axis=0) * (y * y).sum(axis=0))
    result: NDArray[np.float64] = np.full(rain.shape[1], np.nan)
    np.divide((x * y).sum(axis=0), size, out=result, where=enough & (size > 0.0))
    return result


def summary(lags: NDArray[np.float64], step: str) -> list[str]:
    """Return what to say of the lags, for people.

    Parameters
    ----------
    lags : (B,) float64
        From :func:`best_lags`.
    step : str
        What a step is called, such as ``day``.
    """
    finite = lags[np.isfinite(lags)]
    if finite.size == 0:
        return []
    counts = ", ".join(
        f"{_count(int((finite == lag).sum()), 'basin')} {_when(lag, step)}"
        for lag in LAGS
        if (finite == lag).any()
    )
    lines = [f"flow rises best with rain: {counts}"]
    if (finite < 0).mean() > 0.5:
        lines.append(
            f"in most basins the flow rises before the rain: it seems to stand a {step}"
            f" late; data.shift.precipitation={int(np.median(finite))} moves it"
        )
    elif step == "day" and (finite >= 2).mean() > 0.5:
        lines.append(
            "in most basins the flow rises two days after the rain or later: unless "
            "they are large, rain stands early; data.shift.precipitation="
            f"{int(np.median(finite)) - 1} moves it"
        )
    return lines


def _when(lag: int, step: str) -> str:
    if lag == 0:
        return f"on the same {step}"
    return f"{_count(abs(lag), step)} {'after' if lag > 0 else 'before'}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
