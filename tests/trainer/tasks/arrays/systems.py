"""Small systems of every coupling, and series that they made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bmi_dmx.process import Process, Stencil, Upstream
from bmi_dmx.registries import processes
from bmi_dmx.scan import scan
from bmi_dmx.space import Ring, Tree
from bmi_dmx.variables import Flux, Forcing, Parameter, State

__all__ = ["EXPERIMENTS", "heated", "linked", "turbulent"]

TREE = {"kind": "tree", "ids": list("abcde"), "downstream": [2, 0, -1, 0, 2]}


class Body(Process):
    """A warm body that follows the temperature around it."""

    time = "h"
    forcings = (Forcing(name="around", units="degC"),)
    states = (State(name="warmth", units="degC"),)
    parameters = (Parameter(name="rate", units="h-1", bounds=(0.01, 0.9)),)
    fluxes = (Flux(name="gain", units="degC h-1"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        gain = p.rate * (f.around - s.warmth)
        return {"warmth": s.warmth + gain}, {"gain": gain}


class Store(Process):
    """A linear store that also receives what leaves those upstream."""

    time = "h"
    coupling = Upstream({"inflow": "outflow"})
    forcings = (
        Forcing(name="lateral", units="m3 h-1", per_step="rate"),
        Forcing(name="inflow", units="m3 h-1", per_step="rate", source="upstream"),
    )
    states = (State(name="store", units="m3"),)
    parameters = (
        Parameter(name="share", units="h-1", bounds=(0.01, 0.9), per_step="fraction"),
    )
    fluxes = (Flux(name="outflow", units="m3 h-1", per_step="rate"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        filled = s.store + f.lateral + f.inflow
        return {"store": filled - p.share * filled}, {"outflow": p.share * filled}


class Turbulence(Process):
    """Lorenz (1996) on a ring: no forcing, neighbours, steps of 0.01 by Euler."""

    time = "1"
    coupling = Stencil()
    states = (State(name="x", initial=1.0),)
    parameters = (Parameter(name="drive", bounds=(1.0, 15.0), per="place"),)

    def step(self, s: Any, f: Any, p: Any) -> Any:
        x = s.x
        ahead, one, two = (torch.roll(x, n, -1) for n in (-1, 1, 2))
        return {"x": x + 0.01 * ((ahead - two) * one - x + p.drive)}, {}


for _name, _kind in {"body": Body, "store": Store, "turbulence": Turbulence}.items():
    processes.register(_name)(_kind)


def heated(places: int = 8, steps: int = 60, noise: float = 0.0) -> dict[str, Any]:
    """Bodies whose rate follows from their size."""
    rng = np.random.default_rng(0)
    size = np.linspace(0.0, 1.0, places)
    around = rng.normal(10.0, 5.0, (steps, places))
    rate = torch.from_numpy(0.1 + 0.6 * size)[:, None]
    ran = scan(
        Body(), None, {"around": torch.from_numpy(around)}, {"rate": rate},
        outputs=["gain", "warmth"], average=True,
    )  # fmt: skip
    gain = ran.outputs["gain"].numpy() + rng.normal(0.0, noise, (steps, places))
    gain[5, :] = np.nan
    return {
        "forcing": {"around": around},
        "attributes": {"size": size, "colour": size[::-1]},
        "targets": {"gain": gain, "warmth": ran.outputs["warmth"].numpy()},
        "units": {"size": "m"},
    }


def linked(steps: int = 60) -> dict[str, Any]:
    """Stores on a tree, observed at three of five places."""
    rng = np.random.default_rng(1)
    tree = Tree(TREE["ids"], TREE["downstream"])
    lateral = rng.gamma(0.5, 2.0, (steps, 5))
    slope = np.linspace(0.0, 1.0, 5)
    share = torch.from_numpy(0.1 + 0.5 * slope)[:, None]
    ran = scan(
        Store().on(tree), None, {"lateral": torch.from_numpy(lateral)},
        {"share": share}, average=True,
    )  # fmt: skip
    flow = ran.outputs["outflow"].numpy()
    flow[:, [1, 3]] = np.nan
    return {
        "forcing": {"lateral": lateral},
        "attributes": {"slope": slope},
        "targets": {"outflow": flow},
    }


def turbulent(steps: int = 80, series: int = 3, drive: float = 11.0) -> dict[str, Any]:
    """Independent series of a ring, each with the state before every step."""
    rng = np.random.default_rng(2)
    state = torch.from_numpy(rng.normal(2.0, 1.0, (series, 12)))
    ran = scan(
        Turbulence().on(Ring(12)), {"x": state}, {}, {"drive": drive},
        steps=steps, outputs=["x"],
    )  # fmt: skip
    x = ran.outputs["x"].numpy()
    before = np.concatenate([state.numpy()[None], x[:-1]])
    return {
        "attributes": {"mark": 1.0},
        "targets": {"x": x},
        "states": {"ring.x": before},
    }


def _experiment(function: Callable[..., Any], **more: Any) -> dict[str, Any]:
    return {
        "name": function.__name__,
        "about": "a test",
        "licence": "CC0-1.0",
        "sources": ["a computer"],
        "seed": 3,
        "task": "arrays",
        "data": {"source": f"{__name__}:{function.__name__}"},
        "split": {"validation": 0.2, "test": 0.2},
        **more,
    }


def _training(**more: Any) -> dict[str, Any]:
    return {
        "steps": 20,
        "batch": 4,
        "warmup": 10,
        "window": 15,
        "optimizer": {"rate": 0.05},
        "validate_every": 10,
        "checkpoint_every": 5,
        "threads": 1,
        **more,
    }


def _network(attribute: str, gives: str) -> dict[str, Any]:
    options = {"hidden": [4], "dropout": 0.0}
    return {
        "network": "mlp", "options": options, "attributes": [attribute],
        "gives": [gives],
    }  # fmt: skip


EXPERIMENTS: dict[str, dict[str, Any]] = {
    "heated": _experiment(
        heated,
        model={
            "parts": {
                "parameters": _network("size", "rate"),
                "body": {"process": "body", "members": 2},
            },
            "seconds": 3600,
        },
        training=_training(),
    ),
    "linked": _experiment(
        linked,
        model={
            "parts": {
                "parameters": _network("slope", "share"),
                "river": {"process": "store"},
            },
            "seconds": 3600,
            "space": TREE,
        },
        training=_training(batch=2),
    ),
    "turbulent": _experiment(
        turbulent,
        model={
            "parts": {
                "parameters": _network("mark", "drive"),
                "ring": {"process": "turbulence"},
            },
            "seconds": 1,
            "space": {"kind": "ring", "size": 12},
        },
        training=_training(warmup=0, window=8),
    ),
}
"""An experiment for every coupling, by the name of its function."""
