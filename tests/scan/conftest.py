"""What tests of scans share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernels.on_host import forget, put_on_host


@pytest.fixture
def on_host(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let kernels of a GPU run on the CPU, compiled from the same text."""
    put_on_host(monkeypatch)
    yield
    forget()
