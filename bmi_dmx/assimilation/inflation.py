"""Ensembles kept wide enough: inflation and relaxation of anomalies."""

from __future__ import annotations

import numpy as np

from ..space.description import Array

__all__ = ["inflated", "rtpp", "rtps"]


def inflated(ensemble: Array, factor: float | Array) -> Array:
    """Return an ensemble with its anomalies multiplied.

    Anderson and Anderson (1999),
    doi:10.1175/1520-0493(1999)127<2741:AMCIOT>2.0.CO;2.

    Parameters
    ----------
    ensemble : ndarray
        (…, m, n).
    factor : float or ndarray
        Of the anomalies, not of the variance; one, or (…, m, n) broadcast.
    """
    mean = ensemble.mean(-2, keepdims=True)
    wider: Array = mean + factor * (ensemble - mean)
    return wider.astype(ensemble.dtype, copy=False)


def rtpp(analysis: Array, forecast: Array, share: float | Array) -> Array:
    """Return an analysis whose anomalies are relaxed to those of the forecast.

    Zhang et al. (2004), doi:10.1175/1520-0493(2004)132<1238:IOIEAO>2.0.CO;2: a share
    of the anomalies is the forecast's.

    Parameters
    ----------
    analysis, forecast : ndarray
        (…, m, n).
    share : float or ndarray
        0 keeps the analysis, 1 the anomalies of the forecast.
    """
    mean = analysis.mean(-2, keepdims=True)
    before = forecast - forecast.mean(-2, keepdims=True)
    mixed: Array = mean + (1.0 - share) * (analysis - mean) + share * before
    return mixed.astype(analysis.dtype, copy=False)


def rtps(analysis: Array, forecast: Array, share: float | Array) -> Array:
    """Return an analysis whose spread is relaxed to that of the forecast.

    Whitaker and Hamill (2012), doi:10.1175/MWR-D-11-00276.1: anomalies of every entry
    are multiplied so that their standard deviation is the share's mean of both.

    Parameters
    ----------
    analysis, forecast : ndarray
        (…, m, n).
    share : float or ndarray
        0 keeps the spread of the analysis, 1 gives that of the forecast; an entry
        without spread in the analysis keeps none.
    """
    after = analysis.std(-2, keepdims=True)
    before = forecast.std(-2, keepdims=True)
    ratio = np.divide(before - after, after, out=np.zeros_like(after), where=after > 0)
    return inflated(analysis, 1.0 + share * ratio)
