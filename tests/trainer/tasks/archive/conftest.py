"""A ring of twelve waves, and filters small enough to be learned in a second."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bmi_dmx.config import as_yaml, override

TWIN: dict[str, Any] = {
    "system": {
        "process": "lorenz_96", "space": {"kind": "ring", "size": 12}, "step": 0.05,
    },
    "cycle": 0.1, "cycles": 240, "seeds": 1, "burn_in": 0, "spin_up": 5.0,
}  # fmt: skip

EXPERIMENT: dict[str, Any] = {
    "name": "tiny",
    "task": "archive",
    "data": {"made": TWIN, "validation": 0.2},
    "model": {
        "parts": {
            "analysis": {
                "process": "analysis",
                "options": {
                    "memory": 2, "settings": {"hidden": 6, "kernel": 3, "blocks": 1},
                },
            }
        },
        "seconds": 0.1,
        "space": {"kind": "ring", "size": 12},
    },
    "training": {
        "steps": 4, "batch": 3, "warmup": 0, "window": 4, "validate_every": 2,
        "loggers": [], "threads": 1,
    },
    "streams": {"restart_every": 2},
    "evaluation": {"segments": 2, "cycles": 30, "burn_in": 5, "seeds": 2},
}  # fmt: skip

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes the experiment with settings, and says where."""

    def written(*settings: str) -> Path:
        path = tmp_path / "tiny.yaml"
        content = override(deepcopy(EXPERIMENT), settings)
        path.write_text(as_yaml(content), encoding="utf-8")
        return path

    return written
