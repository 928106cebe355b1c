"""Filters as plain loops of NumPy, one problem and one entry of the state at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["enkf", "etkf", "letkf"]

Array = np.ndarray[Any, np.dtype[Any]]


def enkf(ensemble: Array, value: Array, error: Array, noise: Array) -> Array:
    """Return the analysis with perturbed observations of all entries of the state.

    Parameters
    ----------
    ensemble : ndarray
        (problem, m, n).
    value, error : ndarray
        (problem, n).
    noise : ndarray
        (problem, m, n) drawn for the observations, in standard deviations.
    """
    result = np.empty_like(ensemble)
    for k, members in enumerate(ensemble):
        anomalies = members - members.mean(0)
        covariance = anomalies.T @ anomalies / (len(members) - 1)
        gain = covariance @ np.linalg.inv(covariance + np.diag(error[k] ** 2))
        drawn = error[k] * (noise[k] - noise[k].mean(0))
        result[k] = members + (value[k] + drawn - members) @ gain.T
    return result


def etkf(ensemble: Array, value: Array, error: Array) -> Array:
    """Return the analysis by the transform filter; arguments as of :func:`enkf`."""
    result = np.empty_like(ensemble)
    for k, members in enumerate(ensemble):
        mean = members.mean(0)
        weights = _weights(members - mean, value[k] - mean, 1.0 / error[k])
        result[k] = mean + weights @ (members - mean)
    return result


def letkf(
    ensemble: Array, predicted: Array, value: Array, error: Array, taper: Array
) -> Array:
    """Return the local analysis by the transform filter.

    Parameters
    ----------
    ensemble : ndarray
        (problem, m, n).
    predicted : ndarray
        (problem, m, p) of what is observed.
    value, error : ndarray
        (problem, p).
    taper : ndarray
        (n, p) weights of observations at every entry.
    """
    result = np.empty_like(ensemble)
    for k, members in enumerate(ensemble):
        mean, expected = members.mean(0), predicted[k].mean(0)
        anomalies, innovation = members - mean, value[k] - expected
        deviations = predicted[k] - expected
        for i, weight in enumerate(taper):
            near = weight > 0
            root = np.sqrt(weight[near]) / error[k, near]
            weights = _weights(deviations[:, near], innovation[near], root)
            result[k, :, i] = mean[i] + weights @ anomalies[:, i]
    return result


def _weights(anomalies: Array, innovation: Array, weight: Array) -> Array:
    """Return (m, m) what members weigh, in the mean and beyond it."""
    scaled = anomalies * weight
    one = len(scaled) - 1
    value, vector = np.linalg.eigh(scaled @ scaled.T + one * np.eye(one + 1))
    mean = (vector / value) @ vector.T @ (scaled @ (weight * innovation))
    weights: Array = mean + (vector * np.sqrt(one / value)) @ vector.T
    return weights
