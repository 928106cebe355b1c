"""Gas exchange of leaves that do not exist, made to learn from.

A hidden truth gives each leaf its parameters, from the environment it grew in. The
process gives gas exchange in made weather, and noise is put on top. What a training
finds can be compared with the truth, which no measurement allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...variables import Attribute
from .humidity import saturation_pressure
from .leaf import Leaf

__all__ = [
    "ATTRIBUTES",
    "TARGETS",
    "MadeLeaves",
    "hidden_truth",
    "make_leaves",
    "series",
]

Array = NDArray[np.float64]

ATTRIBUTES = (
    Attribute(
        name="mean_temperature", symbol="MAT", units="degC", bounds=(-20.0, 40.0),
        about="mean annual air temperature",
    ),
    Attribute(
        name="aridity", symbol="AI", bounds=(0.0, 50.0),
        about="mean potential evaporation over mean precipitation",
    ),
    Attribute(
        name="leaf_mass_per_area", symbol="LMA", units="g m-2", bounds=(5.0, 1000.0),
        about="dry mass of the leaf over its area",
    ),
    Attribute(
        name="leaf_nitrogen", symbol="N", units="mg g-1", bounds=(1.0, 100.0),
        about="nitrogen of the leaf by dry mass",
    ),
)  # fmt: skip
"""What the parameters of a leaf follow from."""

TARGETS = ("net_assimilation", "stomatal_conductance")
"""What a gas-exchange chamber measures."""


@dataclass(frozen=True)
class MadeLeaves:
    """Leaves, their weather and what was measured of them.

    Parameters
    ----------
    forcing : dict of str to ndarray
        (time, place), by the hour, from midnight.
    attributes : dict of str to ndarray
        (place,), by the names in :data:`ATTRIBUTES`, and ``leaf_width`` in m.
    targets : dict of str to ndarray
        (time, place), with noise, by the names in :data:`TARGETS`.
    truth : dict of str to ndarray
        Parameters, (place,), that made the targets.
    """

    forcing: dict[str, Array]
    attributes: dict[str, Array]
    targets: dict[str, Array]
    truth: dict[str, Array]


def hidden_truth(attributes: dict[str, Array]) -> dict[str, Array]:
    """Return the parameters of C3 leaves with stomata of the form by deficit.

    Leaves with more nitrogen carboxylate more, those of warm and wet places open their
    stomata wider, and thick leaves respire more: as is found in nature, but with
    numbers that are invented.

    Parameters
    ----------
    attributes : dict of str to ndarray
        By the names in :data:`ATTRIBUTES`.

    Returns
    -------
    dict of str to ndarray
        ``vcmax25``, ``stomatal_slope`` and ``rd25``.
    """
    warmth = attributes["mean_temperature"] - 15.0
    mass = attributes["leaf_mass_per_area"]
    nitrogen = 0.001 * mass * attributes["leaf_nitrogen"]  # g m-2
    vcmax25 = 45.0 * (nitrogen / 1.6) ** 0.6 * np.exp(-0.015 * warmth)
    slope = 3.5 * np.exp(0.025 * warmth) * attributes["aridity"] ** -0.35
    rd25 = 0.02 * vcmax25 * (mass / 100.0) ** 0.3 * np.exp(-0.02 * warmth)
    return {"vcmax25": vcmax25, "stomatal_slope": slope, "rd25": rd25}


def make_leaves(
    places: int = 200,
    days: int = 4,
    *,
    noise: float = 0.05,
    seed: int = 0,
    leaf: Leaf | None = None,
) -> MadeLeaves:
    """Return made leaves, the same for the same arguments.

    Parameters
    ----------
    places : int
        Number of leaves, each in a place of its own.
    days : int
        Number of days.
    noise : float
        Standard deviation of a measurement's error over the spread of what is measured.
    seed : int
        Of all random numbers.
    leaf : Leaf, optional
        The process; default: C3 leaves with stomata of the form by deficit, without
        delay. Parameters that the hidden truth does not give have their default.
    """
    rng = np.random.default_rng(seed)
    attributes = _attributes(rng, places)
    forcing = _weather(rng, attributes, days)
    truth = hidden_truth(attributes)
    parameters = truth | {"leaf_width": attributes["leaf_width"]}
    exact = _measured(Leaf() if leaf is None else leaf, forcing, parameters)
    targets = {
        name: x + noise * x.std() * rng.standard_normal(x.shape)
        for name, x in exact.items()
    }
    return MadeLeaves(forcing, attributes, targets, truth)


def series(
    places: int = 200, days: int = 4, noise: float = 0.05, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Return made leaves as a source of series, to train a model of leaves on.

    Parameters
    ----------
    places, days, noise, seed
        As for :func:`make_leaves`.

    Returns
    -------
    dict
        ``forcing``, ``attributes`` and their ``units``, and ``targets``.
    """
    leaves = make_leaves(places, days, noise=noise, seed=seed)
    return {
        "forcing": leaves.forcing,
        "attributes": leaves.attributes,
        "targets": leaves.targets,
        "units": {a.name: a.units for a in ATTRIBUTES} | {"leaf_width": "m"},
    }


def _measured(
    leaf: Leaf, forcing: dict[str, Array], parameters: dict[str, Array]
) -> dict[str, Array]:
    """Return the targets without noise."""

    def space(values: dict[str, Any]) -> SimpleNamespace:
        tensors = {n: torch.as_tensor(x).double() for n, x in values.items()}
        return SimpleNamespace(**tensors)

    usual = {p.name: p.default for p in leaf.parameters if p.default is not None}
    # A step does not care how many places and times there are, and has no memory.
    _, fluxes = leaf.step(space({}), space(forcing), space(usual | parameters))
    return {name: fluxes[name].numpy() for name in TARGETS}


def _attributes(rng: np.random.Generator, places: int) -> dict[str, Array]:
    return {
        "mean_temperature": rng.uniform(2.0, 27.0, places),
        "aridity": np.exp(rng.uniform(np.log(0.3), np.log(4.0), places)),
        "leaf_mass_per_area": 95.0 * np.exp(0.4 * rng.standard_normal(places)),
        "leaf_nitrogen": 18.0 * np.exp(0.3 * rng.standard_normal(places)),
        "leaf_width": 0.04 * np.exp(0.5 * rng.standard_normal(places)),
    }


def _weather(
    rng: np.random.Generator, attributes: dict[str, Array], days: int
) -> dict[str, Array]:
    """Return hourly weather of a growing season, (time, place)."""
    places = len(attributes["aridity"])
    hour = np.tile(np.arange(24.0), days)[:, None]
    sun = np.clip(np.sin(np.pi * (hour - 6.0) / 12.0), 0.0, None)

    def daily(low: float, high: float) -> Array:
        return np.repeat(rng.uniform(low, high, (days, places)), 24, axis=0)

    season = 0.5 * attributes["mean_temperature"] + 10.0 + daily(-4.0, 4.0)
    swing = 0.5 * daily(6.0, 16.0) * np.sin(np.pi * (hour - 9.0) / 12.0)
    temperature = season + swing
    saturated = saturation_pressure(torch.from_numpy(temperature)).numpy()
    # As much vapour all day as saturates the air a few degrees below its coldest.
    coolness = season - 8.0 - 4.0 * np.log(attributes["aridity"] + 0.7)
    vapour = saturation_pressure(torch.from_numpy(coolness)).numpy()
    shape = temperature.shape
    return {
        "photon_flux": 1900.0 * sun * daily(0.25, 1.0) * rng.uniform(0.7, 1.0, shape),
        "air_temperature": temperature,
        "carbon_dioxide": 415.0 - 15.0 * sun + daily(-5.0, 5.0),
        "vapour_pressure_deficit": np.clip(saturated - vapour, 50.0, None),
        "air_pressure": np.broadcast_to(
            101325.0 * np.exp(-rng.uniform(0.0, 1500.0, places) / 8400.0), shape
        ).copy(),
        "wind_speed": 0.3 + rng.gamma(2.0, 0.8, shape),
    }
