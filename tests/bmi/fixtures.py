"""Fixtures: small untrained bundles, and components that run them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bmi_dmx import Component
from bmi_dmx.bundle import save_bundle
from bmi_dmx.compose import ModelSpec
from bmi_dmx.config import as_yaml

from .nextgen import HOURLY
from .untrained import START, attributes, static, untrained

MakeBundle = Callable[..., Path]
Configure = Callable[..., Path]


@pytest.fixture(scope="session")
def bundle_of(tmp_path_factory: pytest.TempPathFactory) -> MakeBundle:
    """Return the folder of a bundle of a model, made once."""
    bundles: dict[str, Path] = {}

    def make(spec: ModelSpec) -> Path:
        key = repr(spec)
        if key not in bundles:
            path = tmp_path_factory.mktemp("bundle") / "untrained"
            model = untrained(spec)
            save_bundle(model, path, licence="CC0-1.0", provenance={}, scores={})
            bundles[key] = path
        return bundles[key]

    return make


@pytest.fixture(scope="session")
def bundle(bundle_of: MakeBundle) -> Path:
    """Folder of a small static bundle."""
    return bundle_of(static())


@pytest.fixture
def configure(tmp_path: Path, bundle: Path) -> Configure:
    """Write a configuration; changes replace its keys, None removes one."""

    def write(n: int = 1, name: str = "component.yaml", **changes: Any) -> Path:
        settings: dict[str, Any] = {
            "bundle": str(bundle),
            "start_time": START,
            "time_step": "daily",
            "locations": {
                "ids": [f"cat-{k}" for k in range(n)],
                "attributes": attributes(n),
            },
            **changes,
        }
        settings = {key: value for key, value in settings.items() if value is not None}
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(as_yaml(settings), encoding="utf-8")
        return path

    return write


@pytest.fixture
def start(configure: Configure) -> Iterator[Callable[..., Component]]:
    """Return an initialized component of a configuration."""
    running: list[Component] = []

    def initialized(n: int = 1, **changes: Any) -> Component:
        component = Component()
        component.initialize(str(configure(n, **changes)))
        running.append(component)
        return component

    yield initialized
    for component in running:
        component.finalize()


@pytest.fixture
def component(start: Callable[..., Component]) -> Component:
    """A component of one place at hourly steps, in the units of NextGen."""
    return start(1, **HOURLY)
