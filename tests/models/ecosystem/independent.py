"""Gas exchange of a leaf by bisection of bisections, in NumPy: written once more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = Any
R, T25 = 8.314, 298.15


def bisect(function: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Return where a rising function crosses 0."""
    for _ in range(80):
        middle = 0.5 * (low + high)
        above = function(middle) > 0.0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 0.5 * (low + high)


def lower(theta: float, a: Array, b: Array) -> Array:
    """Return the smaller root of a quadratic equation as at school."""
    if theta == 1.0:
        return np.minimum(a, b)
    return (a + b - np.sqrt((a + b) ** 2 - 4.0 * theta * a * b)) / (2.0 * theta)


def rise(kelvin: Array, energy: float) -> Array:
    return np.exp(energy / R * (1.0 / T25 - 1.0 / kelvin))


def hump(kelvin: Array, energy: float, off: float, entropy: Array) -> Array:
    def active(t: Array) -> Array:
        return 1.0 + np.exp(entropy / R - off / (R * t))

    return rise(kelvin, energy) * active(np.asarray(T25)) / active(kelvin)


def capacities(o: Any, kelvin: Array, v: dict[str, Array]) -> tuple[Array, Array]:
    """Return Vcmax and Jmax at a temperature."""
    ratio = v.get("jmax_ratio", 0.0)
    if o.temperature == "arrhenius":
        vc, j = rise(kelvin, 65330.0), rise(kelvin, 43900.0)
    elif o.temperature == "peaked":
        vc = hump(kelvin, 73637.0, 149252.0, 486.0)
        j = hump(kelvin, 50300.0, 152044.0, 495.0)
    else:
        grown = np.clip(v["growth_temperature"], 11.0, 35.0)
        vc = hump(kelvin, 71513.0, 200000.0, 668.39 - 1.07 * grown)
        j = hump(kelvin, 49884.0, 200000.0, 659.70 - 0.75 * grown)
        ratio = 2.59 - 0.035 * grown
    return v["vcmax25"] * vc, v["vcmax25"] * ratio * j


def biochemistry(o: Any, v: dict[str, Array]) -> tuple[Callable[[Array], Array], Array]:
    """Return gross assimilation by Ci, and day respiration."""
    celsius = v["air_temperature"]
    kelvin = celsius + 273.15
    smooth = o.colimitation == "smooth"
    if o.pathway == "c4":
        q10 = 2.0 ** ((celsius - 25.0) / 10.0)
        vmax = v["vcmax25"] * q10
        vmax = vmax / (1 + np.exp(0.3 * (celsius - 40))) / (
            1 + np.exp(0.2 * (15 - celsius))
        )  # fmt: skip
        theta, beta = (0.83, 0.93) if smooth else (1.0, 1.0)
        top = lower(theta, vmax, v["quantum_yield"] * v["photon_flux"])
        k = v["carboxylation_efficiency"] * q10
        respired = v["rd25"] * q10 / (1 + np.exp(1.3 * (celsius - 55)))
        return (lambda ci: lower(beta, top, k * ci)), respired
    vcmax, jmax = capacities(o, kelvin, v)
    j = lower(0.7, v["quantum_yield"] * v["photon_flux"], jmax)
    # Partial pressures, Pa.
    kc, ko, star = (
        mole * 0.101325 * rise(kelvin, energy)
        for mole, energy in ((404.9, 79430.0), (278.4e3, 36380.0), (42.75, 37830.0))
    )
    oxygen = 0.21 * v["air_pressure"]
    first, second = (0.98, 0.95) if smooth else (1.0, 1.0)

    def gross(ci: Array) -> Array:
        pi = ci * 1e-6 * v["air_pressure"]
        rubisco = vcmax * (pi - star) / (pi + kc * (1 + oxygen / ko))
        rubp = 0.25 * j * (pi - star) / (pi + 2 * star)
        rate = lower(first, rubisco, rubp)
        if not o.phosphate:
            return rate
        return lower(second, rate, 3 * v["tpu_ratio"] * vcmax)

    return gross, v["rd25"] * rise(kelvin, 46390.0)


def opening(o: Any, v: dict[str, Array], gb: Array, saturated: Array) -> Any:
    """Return stomatal conductance by net assimilation and surface CO2."""
    g0, g1, dry = v["stomatal_intercept"], v["stomatal_slope"], v["deficit"]

    def conductance(net: Array, surface: Array) -> Array:
        demand = np.maximum(net, 0.0) / surface

        def at(gs: Array) -> Array:
            ds = dry * gb / (gs + gb)
            if o.stomata == "medlyn":
                kpa = np.maximum(ds, 50.0) / 1000.0
                return g0 + 1.6 * (1.0 + g1 / np.sqrt(kpa)) * demand
            return g0 + g1 * demand * (1.0 - ds / saturated)

        most = g0 + demand * (1.6 * (1 + g1 / np.sqrt(0.05)) + g1)
        return bisect(lambda gs: gs - at(gs), g0 + 0.0 * most, most + 1e-9)

    return conductance


def gas_exchange(options: Any, **values: Array) -> dict[str, Array]:
    """Return the steady gas exchange of a leaf.

    Parameters
    ----------
    options : Leaf.Options
        Which leaf.
    **values : array
        Forcings and parameters by name; all of one shape.
    """
    v = {name: np.asarray(x, dtype=float) for name, x in values.items()}
    celsius = v["air_temperature"]
    saturated = 611.21 * np.exp(17.502 * celsius / (240.97 + celsius))
    v["deficit"] = np.minimum(v["vapour_pressure_deficit"], saturated)
    gb = 0.147 * 1.4 * np.sqrt(
        np.maximum(v["wind_speed"], 0.1) / (0.72 * v["leaf_width"])
    )  # fmt: skip
    gross, respired = biochemistry(options, v)
    conductance = opening(options, v, gb, saturated)
    air = v["carbon_dioxide"]

    def excess(ci: Array) -> Array:
        """Return assimilation less what diffuses in."""
        net = gross(ci) - respired
        surface = np.maximum(air - 1.37 * net / gb, 1.0)
        return net - (air - ci) / (1.37 / gb + 1.6 / conductance(net, surface))

    high = air + respired * (1.37 / gb + 1.6 / v["stomatal_intercept"])
    ci = bisect(excess, np.full_like(high, 1e-6), high * (1 + 1e-9))
    net = gross(ci) - respired
    gs = conductance(net, air - 1.37 * net / gb)
    return {
        "intercellular_carbon_dioxide": ci,
        "net_assimilation": net,
        "gross_assimilation": gross(ci),
        "day_respiration": respired + 0.0 * ci,
        "stomatal_conductance": gs,
        "transpiration": (
            0.018015 * v["deficit"] / v["air_pressure"] / (1 / gs + 1 / gb)
        ),
    }
