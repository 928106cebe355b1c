"""Where a model is trained: chosen by configuration, refused where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer.device import lightning_device

from .test_fit import equal, weights

Run = Callable[..., Path]


def test_the_processor_is_always_there() -> None:
    assert lightning_device("cpu") == {"accelerator": "cpu", "devices": 1}
    assert lightning_device("auto") == {"accelerator": "auto", "devices": 1}


@pytest.mark.parametrize("count", [0, 2])
def test_what_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    there = "cuda:0, cuda:1" if count else "no GPU"
    message = rf"^training\.device: found 'cuda:2', but PyTorch sees {there} here; exp"
    with pytest.raises(ConfigError, match=message):
        lightning_device("cuda:2")
    if count:
        assert lightning_device("cuda:1") == {"accelerator": "gpu", "devices": [1]}
        assert lightning_device("gpu") == {"accelerator": "gpu", "devices": 1}
        assert lightning_device("cuda") == {"accelerator": "cuda", "devices": 1}
        return
    for name in ("gpu", "cuda"):
        with pytest.raises(ConfigError, match=f"found '{name}', but PyTorch sees no G"):
            lightning_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_device_leaves_no_folder(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tiny\.yaml: training\.device: found 'gpu'"):
        run("training.device=gpu")
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_whatever_there_is_may_be_the_processor(finished: Path, run: Run) -> None:
    assert equal(weights(finished), weights(run("training.device=auto")))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_graphics_processor_learns_the_same(finished: Path, run: Run) -> None:
    on_gpu = weights(run("training.device=gpu"))
    for name, expected in weights(finished).items():
        torch.testing.assert_close(on_gpu[name].cpu(), expected, rtol=1e-2, atol=1e-2)
