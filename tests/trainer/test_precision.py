"""Networks trained in half the bits: physics and what is kept stay whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bmi_dmx.compose import simulation
from bmi_dmx.trainer.checkpoint import read_checkpoint
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build, resume
from bmi_dmx.trainer.module import TrainingModule

from .test_resume import DYNAMIC, Killed, Run, assert_same_run

BF16 = ("training.precision=bf16", DYNAMIC)


def loss_of(tiny: Path, *settings: str) -> float:
    module = build(load_experiment(tiny, ["model.static.dropout=0", *settings]))
    batch = next(iter(module.task.batches))
    module.training_step(batch, 0)
    return module.last_loss


def test_scans_get_whole_numbers_from_networks_in_half(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: set[torch.dtype] = set()
    products: set[torch.dtype] = set()
    scanning = simulation.scan

    def watched(process: Any, forcing: Any, parameters: Any, *rest: Any, **more: Any):  # type: ignore[no-untyped-def]
        assert not torch.is_autocast_enabled("cpu")
        kinds.update(x.dtype for x in (*forcing.values(), *parameters.values()))
        return scanning(process, forcing, parameters, *rest, **more)

    monkeypatch.setattr(simulation, "scan", watched)

    def noted(layer: object, inputs: object, answer: Tensor) -> None:
        products.add(answer.dtype)

    module = build(load_experiment(tiny, BF16))
    layers = [m for m in module.modules() if isinstance(m, torch.nn.Linear)]
    for layer in layers:
        layer.register_forward_hook(noted)
    loss = module.training_step(next(iter(module.task.batches)), 0)
    module.backward(loss)
    assert kinds == {torch.float32}
    assert products == {torch.bfloat16}
    assert loss.dtype == torch.float32
    assert {w.dtype for w in module.parameters()} == {torch.float32}
    assert all(w.grad is not None and w.grad.isfinite().all() for w in
               module.parameters())  # fmt: skip


def test_the_loss_is_near_that_of_whole_numbers(tiny: Path) -> None:
    expected = loss_of(tiny, DYNAMIC.replace("0.2", "0"))
    loss = loss_of(tiny, *BF16[:1], DYNAMIC.replace("0.2", "0"))
    assert loss != expected
    assert loss == pytest.approx(expected, rel=0.02)


def test_what_is_validated_is_what_is_exported(tiny: Path) -> None:
    scores = []
    for settings in ([DYNAMIC], BF16):
        module = build(load_experiment(tiny, settings)).eval()
        scores.append(module.task.validate(module.model))
    assert scores[0] == scores[1]


def test_a_stopped_run_in_half_goes_on(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = (*BF16, "training.steps=10", "training.schedule=cosine_restarts",
                "training.restart_every=3", "training.restart_growth=2")  # fmt: skip
    whole = run(*settings)
    rates = [
        float(line.split(",")[2])
        for line in (whole / "metrics.csv").read_text("utf-8").splitlines()[1:]
        if line.split(",")[2]
    ]
    assert rates[0] == pytest.approx(0.05 * 0.75)  # a third of the way down a cosine
    schedule = read_checkpoint(whole / "checkpoints/last.ckpt")["lr_schedulers"][0]
    # Begun anew after 3 and, twice as long, after 9 steps.
    assert (schedule["T_i"], schedule["T_cur"]) == (12, 1)
    good = TrainingModule.training_step

    def dying(self: TrainingModule, batch: Any, index: int) -> Tensor:
        if self.global_step == 7:
            raise Killed
        return good(self, batch, index)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingModule, "training_step", dying)
        with pytest.raises(Killed):
            run(*settings)
    stopped = whole.with_name("tiny-2")
    resume(stopped)
    assert_same_run(whole, stopped)
