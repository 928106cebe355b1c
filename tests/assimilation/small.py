"""Twin experiments small enough for tests."""

from __future__ import annotations

from typing import Any

from bmi_dmx.assimilation.experiment import Experiment, System
from bmi_dmx.assimilation.observing_system import ObservingSystem

__all__ = ["LORENZ", "experiment"]

LORENZ = System(process="lorenz_96", space={"kind": "ring", "size": 20}, step=0.05)


def experiment(**changes: Any) -> Experiment:
    """Return an experiment on 20 places, changed."""
    observe = changes.pop("observe", {})
    usual = {
        "system": LORENZ, "cycle": 0.05, "cycles": 60, "burn_in": 20, "seeds": 3,
        "spin_up": 20.0, "observe": ObservingSystem(**observe),
    }  # fmt: skip
    return Experiment(**{**usual, **changes})
