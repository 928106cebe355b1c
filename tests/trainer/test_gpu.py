"""Training on a GPU: the same numbers, and everything where the model is.

There is none: kernels run on the CPU from the same text (tests/kernels/on_host.py), and
where tensors are is followed by tensors without numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor

from bmi_dmx.compose import inputs
from bmi_dmx.scan import cuda
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build
from bmi_dmx.trainer.module import TrainingModule
from tests.kernels.on_host import forget, needs_compiler, put_on_host

DYNAMIC = (
    "model.static.dropout=0.0",
    "model.dynamic={parameters: [beta], forcings: [precipitation], "
    "attributes: [p_mean], hidden: 4}",
)


def prepared(file: Path) -> tuple[TrainingModule, Any]:
    """Return a model with an LSTM in training, and a batch."""
    module = build(load_experiment(file, DYNAMIC))
    return module, next(iter(module.task.batches))


def learned(module: TrainingModule, batch: Any) -> list[Tensor]:
    """Return the loss of a batch and its gradient."""
    loss = module.task.loss(module.model, batch)
    return [loss, *torch.autograd.grad(loss, list(module.model.parameters()))]


@needs_compiler
def test_a_step_is_that_of_the_cpu_and_all_of_it_is_on_the_gpu(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    module, batch = prepared(tiny)
    expected = learned(module, batch)
    request.addfinalizer(forget)
    put_on_host(monkeypatch)
    for tensor, x in zip(learned(module, batch), expected, strict=True):
        torch.testing.assert_close(tensor, x, rtol=1e-4, atol=1e-5)
    # Tensors without numbers are on a device of their own; others do not mix with it.
    monkeypatch.setattr(cuda, "DEVICE", "meta")
    monkeypatch.setattr(inputs, "_screen", lambda what, name, x: None)
    there = torch.device("meta")
    module.model.to(there)
    module.task.to(there)
    for tensor in learned(module, move_data_to_device(batch, there)):
        assert tensor.device == there
    with pytest.raises(RuntimeError, match="device"):
        learned(module, batch)
