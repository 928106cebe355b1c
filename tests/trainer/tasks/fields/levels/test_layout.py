"""The layout of 97 channels on 120 by 240 cells: three made days, one training step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.trainer import fit
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.registries import experiments

from . import made

SIZES = {"levels": 23, "rows": 120, "columns": 240}

SETTINGS = (
    "periods.train=['2019-01-01', '2019-01-02']",
    "periods.validation=['2019-01-03', '2019-01-03']", "rollout.steps=[1]",
    "rollout.until=[]", "training.batch=1", "training.steps=1",
    "training.precision=float32",
)  # fmt: skip


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("days")
    made.write(folder, 2019, 3, **SIZES)
    return folder


def built(days: Path, *settings: str) -> Any:
    shipped = experiments()["ocean_hybrid"]
    return fit.build(
        load_experiment(shipped, (*SETTINGS, f"data.source={days}", *settings))
    )


@pytest.mark.slow
def test_a_network_alone_learns_from_a_day(days: Path) -> None:
    module = built(days, "model=unet_alone", "model.options.hidden=16")
    batch = next(iter(module.task.batches))
    assert sum(x.shape[-3] for x in batch["state"].values() if x.ndim == 4) == 92
    assert batch["state"]["elevation"].shape == (1, 104, 240)
    # Rows of the file fall from 90 degrees; the grid begins at -78.
    whole = made.fields([0], **SIZES)[0, 69:92, 112]
    temperature = batch["state"]["temperature"][0, :, 0].numpy()
    np.testing.assert_allclose(temperature, np.nan_to_num(whole), rtol=1e-6)
    loss = module.training_step(batch, 0)
    loss.backward()
    bias = module.model.network("ocean").network.output.convolution.bias
    assert float(bias.grad.abs().max()) > 0.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ste", "unet", "local_mlp"])
def test_a_hybrid_learns_from_an_hour(days: Path, name: str) -> None:
    module = built(days, f"model={name}")
    task, batch = module.task, next(iter(module.task.batches))
    assert task.samples.parts == 24
    state = {f"ocean.{n}": x for n, x in batch["state"].items()}
    hour = {n: x[:1] for n, x in batch["forcing"].items()}
    ran = module.model.simulate(hour, {}, state=state, outputs=[])
    after = ran.state["ocean.temperature"]
    assert after.isfinite().all()
    after.square().mean().backward()
    gradients = {
        n: w.grad for n, w in module.model.named_parameters() if w.grad is not None
    }
    assert any(n.startswith("maps.") for n in gradients)
    assert any(n.startswith("ocean.network.output") for n in gradients)
    assert all(bool(torch.isfinite(g).all()) for g in gradients.values())
