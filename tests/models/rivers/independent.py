"""Muskingum-Cunge written out again: reach by reach, with numbers and loops alone.

The forward loop solves every step in topological order. The adjoint is that of a reach
by itself, reaches from the outlet upwards, each backwards through time. Both share the
coefficients of a reach and no code with the package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

LEAST, SHALLOWEST, NARROWEST, FLATTEST = 1e-4, 0.01, 0.01, 1e-3


@dataclass(frozen=True)
class Physics:
    legacy: bool = False
    x: float | str = "cunge"
    admissible: bool = False


@dataclass
class River:
    """Reaches in any order; ``down`` is -1 at outlets."""

    down: list[int]
    n: np.ndarray
    q: np.ndarray
    p: np.ndarray
    length: np.ndarray
    slope: np.ndarray
    musk_x: np.ndarray
    lateral: np.ndarray  # (step, reach)
    dt: float = 3600.0
    bound: set[str] = field(default_factory=set)

    @cached_property
    def up(self) -> list[list[int]]:
        return [
            [j for j, d in enumerate(self.down) if d == i]
            for i in range(len(self.down))
        ]

    @cached_property
    def order(self) -> list[int]:
        """Upstream first."""
        order: list[int] = []
        waiting = [len(up) for up in self.up]
        ready = [i for i, w in enumerate(waiting) if w == 0]
        while ready:
            i = ready.pop()
            order.append(i)
            if self.down[i] >= 0:
                waiting[self.down[i]] -= 1
                if waiting[self.down[i]] == 0:
                    ready.append(self.down[i])
        return order


@dataclass
class Section:
    """What follows from the flow of a reach, and which limits are not reached (m_)."""

    d: float
    T: float
    z: float
    b: float
    h: float
    A: float
    P: float
    beta: float
    c: float
    K: float
    X: float
    S: float
    base: float
    m_d: bool
    m_z: bool
    m_b: bool
    m_v: bool
    m_X: bool


def section(river: River, i: int, Q: float, physics: Physics) -> Section:
    n, q, p = river.n[i], river.q[i], river.p[i]
    S, L = max(river.slope[i], FLATTEST), river.length[i]
    qe = q + 1e-6
    base = Q * n * (qe + 1) / (p * math.sqrt(S) + 1e-8)
    d0 = base ** (3 / (5 + 3 * qe))
    d = max(d0, SHALLOWEST)
    T = p * d**qe
    z0 = T * qe / (2 * d)
    z = min(max(z0, 0.5), 50.0)
    b0 = T - 2 * z * d
    b = max(b0, NARROWEST)
    h = math.sqrt(1 + z * z)
    A, P = (T + b) * d / 2, b + 2 * d * h
    v0 = (A / P) ** (2 / 3) * math.sqrt(S) / n
    v = min(max(v0, 0.01), 15.0)
    beta = 5 / 3 if physics.legacy else 5 / 3 - 4 / 3 * A * h / (T * P)
    c = beta * v
    K = L / c
    X0 = 0.5 * (1 - Q / (T * S * c * L))
    if physics.x == "cunge":
        X = min(max(X0, 0.0), 0.5)
    else:
        X = river.musk_x[i] if physics.x == "given" else float(physics.x)
    reached = {
        "flow": Q <= LEAST, "depth": d0 < SHALLOWEST, "steep sides": z0 < 0.5,
        "flat sides": z0 > 50, "bottom": b0 < NARROWEST, "slow": v0 < 0.01,
        "fast": v0 > 15, "slope": river.slope[i] < FLATTEST,
        "no wedge": physics.x == "cunge" and X0 < 0, "half": X > 0.499,
    }  # fmt: skip
    river.bound |= {name for name, is_so in reached.items() if is_so}
    if physics.admissible:
        # Both coefficients that may be negative stay away from 0 by a hundredth.
        K = max(K, river.dt * 1.01 / 2)
        courant = river.dt / K
        X = min(X, 0.99 * courant / 2, 0.99 * (1 - courant / 2))
    return Section(
        d, T, z, b, h, A, P, beta, c, K, X, S, base,
        bool(d0 >= SHALLOWEST), bool(0.5 <= z0 <= 50), bool(b0 >= NARROWEST),
        bool(0.01 <= v0 <= 15), bool(0 <= X0 <= 0.5),
    )  # fmt: skip


def coefficients(K: float, X: float, dt: float) -> tuple[float, float, float, float]:
    D = 2 * K * (1 - X) + dt
    return (
        (dt - 2 * K * X) / D,
        (dt + 2 * K * X) / D,
        (2 * K * (1 - X) - dt) / D,
        2 * dt / D,
    )


def hot_start(river: River) -> np.ndarray:
    """Return the unbounded sums of the first lateral inflow."""
    total = river.lateral[0].copy()
    for i in river.order:
        if river.down[i] >= 0:
            total[river.down[i]] += total[i]
    return total


def route(river: River, physics: Physics, start: np.ndarray) -> np.ndarray:
    """Return solutions, (step + 1, reach), the first of which is the start."""
    steps, reaches = river.lateral.shape
    x = np.zeros((steps + 1, reaches))
    x[0] = start
    for t in range(1, steps + 1):
        for i in river.order:
            Q = max(x[t - 1, i], LEAST)
            s = section(river, i, Q, physics)
            c1, c2, c3, c4 = coefficients(s.K, s.X, river.dt)
            J = sum(x[t, j] for j in river.up[i])
            I = sum(max(x[t - 1, j], LEAST) for j in river.up[i])  # noqa: E741
            lateral = max(river.lateral[t - 1, i], LEAST)
            x[t, i] = c1 * J + c2 * I + c3 * Q + c4 * lateral
    return x


@dataclass
class Gradient:
    """Of a sum of weighted discharges."""

    n: np.ndarray
    q: np.ndarray
    p: np.ndarray
    lateral: np.ndarray
    start: np.ndarray
    lateral_through_start: np.ndarray


def adjoint(
    river: River, physics: Physics, x: np.ndarray, weights: np.ndarray
) -> Gradient:
    """Return the gradient of ``sum(weights * max(x, LEAST))``, weights like ``x``."""
    T_end, reaches = x.shape[0] - 1, x.shape[1]
    mu, lam = np.zeros_like(x), np.zeros_like(x)
    dn, dq, dp = (np.zeros(reaches) for _ in range(3))
    dlateral = np.zeros_like(river.lateral)
    dt = river.dt
    for i in reversed(river.order):
        for t in range(T_end, 0, -1):
            Q = max(x[t - 1, i], LEAST)
            s = section(river, i, Q, physics)
            c1, c2, c3, c4 = coefficients(s.K, s.X, dt)
            J = sum(x[t, j] for j in river.up[i])
            I = sum(max(x[t - 1, j], LEAST) for j in river.up[i])  # noqa: E741
            D = 2 * s.K * (1 - s.X) + dt
            g = mu[t, i] + (x[t, i] >= LEAST) * (lam[t, i] + weights[t, i])
            for j in river.up[i]:
                mu[t, j] += g * c1
                lam[t - 1, j] += g * c2
            dlateral[t - 1, i] += g * c4 * (river.lateral[t - 1, i] >= LEAST)
            aK = g * (2 * s.X * (I - J) + 2 * (1 - s.X) * (Q - x[t, i])) / D
            aX = g * 2 * s.K * (I - J - Q + x[t, i]) / D
            on_n, on_q, on_p, on_flow = of_section(river, i, Q, s, physics, aK, aX)
            dn[i] += on_n
            dq[i] += on_q
            dp[i] += on_p
            lam[t - 1, i] += g * c3 + on_flow
    start = lam[0] + weights[0]
    arriving = (x[0] >= LEAST) * start
    for i in reversed(river.order):
        if river.down[i] >= 0:
            arriving[i] += arriving[river.down[i]]
    return Gradient(dn, dq, dp, dlateral, start, arriving)


def of_section(
    river: River, i: int, Q: float, s: Section, physics: Physics, aK: float, aX: float
) -> tuple[float, float, float, float]:
    """Return what K and X pull at: n, q, p and the flow."""
    n, p, qe = river.n[i], river.p[i], river.q[i] + 1e-6
    c = s.c
    alnc = -s.K * aK
    alnQ = alnT = abeta = 0.0
    if physics.x == "cunge":
        Y = Q / (2 * s.T * s.S * c * river.length[i])
        aY = -s.m_X * aX
        alnQ, alnT, alnc = aY * Y, -aY * Y, alnc - aY * Y
    alnv = s.m_v * alnc
    if not physics.legacy:
        abeta = alnc / s.beta
    alnR, W = 2 / 3 * alnv, 4 / 3 * s.A * s.h / (s.T * s.P)
    T, d, z, b, h = s.T, s.d, s.z, s.b, s.h
    z_of = {"T": s.m_z * z, "d": -s.m_z * z, "q": s.m_z * z / qe}
    b_of = {
        "T": s.m_b * (T - 2 * d * z_of["T"]),
        "d": s.m_b * (-2 * d * z - 2 * d * z_of["d"]),
        "q": -2 * s.m_b * d * z_of["q"],
    }
    G = {}
    for a in "Tdq":
        lnA = b_of[a] / (T + b) + {"T": T / (T + b), "d": 1.0, "q": 0.0}[a]
        P_a = b_of[a] + 2 * d * (z / h) * z_of[a] + (2 * d * h if a == "d" else 0.0)
        lnP, lnh = P_a / s.P, z * z_of[a] / h**2
        G[a] = alnR * (lnA - lnP) - abeta * W * (lnA + lnh - lnP - (a == "T"))
    G["T"] += alnT
    root = math.sqrt(s.S)
    e, share = 3 / (5 + 3 * qe), p * root / (p * root + 1e-8)
    alnd = s.m_d * (G["d"] + qe * G["T"])
    return (
        (e * alnd - alnv) / n,
        G["q"] + G["T"] * math.log(d) + alnd * (e / (qe + 1) - e**2 * math.log(s.base)),
        (G["T"] - e * alnd * share) / p,
        (e * alnd + alnQ) / Q,
    )
