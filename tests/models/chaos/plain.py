"""The systems written out place by place, and the classic scheme by its table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]


def lorenz_63(v: Array) -> Array:
    x, y, z = v
    return np.array([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])


def lorenz_96(x: Array, drive: float = 8.0) -> Array:
    n = len(x)
    rate = np.empty(n)
    for i in range(n):
        rate[i] = (x[(i + 1) % n] - x[i - 2]) * x[i - 1] - x[i] + drive
    return rate


def vissio_lucarini(v: Array) -> Array:
    n = len(v) // 2
    x, t = v[:n], v[n:]
    rate = np.empty(2 * n)
    for i in range(n):
        far = (i + 2) % n
        rate[i] = (x[(i + 1) % n] - x[i - 2]) * x[i - 1] - x[i] - t[i] + 10
        rate[n + i] = x[(i + 1) % n] * t[far] - x[i - 1] * t[i - 2] - t[i] + x[i] + 10
    return rate


def two_level(v: Array, slow: int, fast: int, drive: float) -> Array:
    """The fast waves of a place stand side by side, as on their ring."""
    u, w = v[:slow], v[slow:]
    c = b = 10.0
    rate = np.empty(len(v))
    for i in range(slow):
        total = w[i * fast : (i + 1) * fast].sum()
        exchange = (u[(i + 1) % slow] - u[i - 2]) * u[i - 1]
        rate[i] = exchange - u[i] + drive - c / b * total
    n = slow * fast
    for j in range(n):
        exchange = (w[j - 1] - w[(j + 2) % n]) * w[(j + 1) % n]
        rate[slow + j] = c * b * exchange - c * w[j] + c / b * u[j // fast]
    return rate


def runge_kutta(rate: Callable[[Array], Array], x: Array, h: float) -> Array:
    """The classic scheme, not that of the three eighths."""
    one = rate(x)
    two = rate(x + h / 2 * one)
    three = rate(x + h / 2 * two)
    four = rate(x + h * three)
    return x + h / 6 * (one + 2 * two + 2 * three + four)


def kuramoto_sivashinsky(u: Array, h: float, length: float) -> Array:
    """ETD-RK4 by the fast Fourier transform, with complex numbers."""
    n = len(u)
    k = 2 * np.pi / length * np.arange(n // 2 + 1)
    linear = k**2 - k**4
    slope = k.copy()
    slope[-1] = 0.0
    points = np.exp(1j * np.pi * (np.arange(64) + 0.5) / 64)
    z = h * linear[:, None] + points
    q = h * ((np.exp(z / 2) - 1) / z).mean(1).real
    f = [
        h * ((-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3).mean(1).real,
        h * ((2 + z + np.exp(z) * (z - 2)) / z**3).mean(1).real,
        h * ((-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3).mean(1).real,
    ]
    whole, half = np.exp(h * linear), np.exp(h * linear / 2)

    def nonlinear(v: Any) -> Any:
        return -0.5j * slope * np.fft.rfft(np.fft.irfft(v, n) ** 2)

    v = np.fft.rfft(u)
    at_v = nonlinear(v)
    a = half * v + q * at_v
    b = half * v + q * nonlinear(a)
    c = half * a + q * (2 * nonlinear(b) - at_v)
    spectrum = whole * v + f[0] * at_v + 2 * f[1] * (nonlinear(a) + nonlinear(b))
    return np.fft.irfft(spectrum + f[2] * nonlinear(c), n)
