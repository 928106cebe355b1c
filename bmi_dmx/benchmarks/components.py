"""Bundles and configurations for measuring components."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..bundle import Bundle, bundles, load_bundle
from ..compose import ModelSpec, Moments, Statistics
from ..config import as_yaml
from ..conversion import convert
from ..models.hydrology.component import DeltaHbv

__all__ = ["FORCING", "configuration", "dynamic_bundle", "static_bundle", "typical"]

FORCING = {
    "precipitation": 4.0,
    "air_temperature": 8.0,
    "air_temperature_min": 3.0,
    "air_temperature_max": 13.0,
    "potential_evaporation": 2.0,
}
"""Constant weather, by name."""

# Portable attributes as a trained model has them; what they are does not matter here.
_ATTRIBUTES = tuple(f"attribute_{k}" for k in range(13))
_DRIVERS = ("precipitation", "air_temperature", "potential_evaporation")


def static_bundle(folder: Path) -> Path:
    """Return the bundle that comes with :class:`DeltaHbv`, else an untrained one."""
    name = DeltaHbv.default_bundle
    if name is not None and name in bundles:
        return bundles[name]
    return _untrained(folder / "static")


def dynamic_bundle(folder: Path) -> Path:
    """Return an untrained bundle with an LSTM of width 64 behind three parameters."""
    network = {
        "parameters": ["beta", "k0", "betaet"],
        "forcings": list(_DRIVERS),
        "attributes": list(_ATTRIBUTES),
        "hidden": 64,
    }
    return _untrained(folder / "dynamic", dynamic=network)


def _untrained(path: Path, **settings: Any) -> Path:
    """Save a model of the usual sizes with the weights it begins training with."""
    # These need PyTorch; running a component must not.
    from ..bundle import save_bundle
    from ..compose import Model

    usual = {
        "process": "hbv11p",
        "members": 16,
        "evaporation": "hargreaves",
        "routing": "gamma",
        "static": {"attributes": list(_ATTRIBUTES), "hidden": [128, 128]},
    }
    spec = convert({**usual, **settings}, ModelSpec, "model")
    moments = {name: Moments(0.0, 1.0) for name in spec.network_inputs}
    model = Model(spec, Statistics(moments)).eval()
    save_bundle(model, path, licence="none", provenance={}, scores={})
    return path


def configuration(path: Path, bundle: Path, locations: int, time_step: str) -> Path:
    """Write the configuration of a component at made-up places; return its path."""
    settings: dict[str, Any] = {
        "bundle": str(bundle),
        "start_time": "1980-10-01",
        "time_step": time_step,
        "locations": {
            "ids": [f"cat-{k}" for k in range(locations)],
            "attributes": {"area_km2": 10.0, **typical(load_bundle(bundle))},
        },
    }
    path.write_text(as_yaml(settings), encoding="utf-8")
    return path


def typical(bundle: Bundle) -> dict[str, float]:
    """Return a usual value of every attribute the bundle reads."""
    usual = {name: moments.typical for name, moments in bundle.statistics.items()}
    names = [attribute.name for attribute in bundle.plan.attributes]
    return {name: usual.get(name, 40.0) for name in names}
