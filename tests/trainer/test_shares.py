"""A batch in shares, one after the other: the gradient is that of the whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from bmi_dmx.errors import ConfigError
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.fit import build
from bmi_dmx.trainer.processes import Processes
from bmi_dmx.trainer.shares import Share, Shares

from .test_resume import DYNAMIC, Run, assert_same_run


def gradient(file: Path, *settings: str) -> tuple[float, dict[str, Tensor]]:
    """Return the loss of one batch, and its gradient by weight."""
    module = build(load_experiment(file, settings))
    batch = next(iter(module.task.batches))
    module.backward(module.training_step(batch, 0))
    gradients = {n: w.grad for n, w in module.named_parameters()}
    return module.last_loss, {n: g for n, g in gradients.items() if g is not None}


def assert_shares_are_the_whole(file: Path, accumulate: int, *settings: str) -> None:
    """Compare the gradient of a batch with that of its shares."""
    value, whole = gradient(file, *settings)
    shared, parts = gradient(file, *settings, f"training.accumulate={accumulate}")
    assert whole
    assert parts.keys() == whole.keys()
    for name, expected in whole.items():
        size = float(expected.abs().max())
        torch.testing.assert_close(parts[name], expected, rtol=1e-4, atol=1e-5 * size)
    # What is not of the comparison belongs to the loss that is logged as well.
    assert shared == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("accumulate", [2, 3, 5])
@pytest.mark.parametrize("loss", ["nse_batch", "rmse_combined", "kge"])
def test_shares_have_the_gradient_of_the_whole_batch(
    tiny: Path, accumulate: int, loss: str
) -> None:
    settings = (
        "model.static.dropout=0", "training.batch=5", "training.bounds_penalty=0.01",
        f"loss={loss}", DYNAMIC.replace("0.2", "0"),
    )  # fmt: skip
    assert_shares_are_the_whole(tiny, accumulate, *settings)


def test_the_second_simulation_of_a_share_silences_what_the_first_did(
    run: Run, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = build(load_experiment(tiny, ["training.accumulate=2"]))
    assert module.shares is not None
    flows: list[Tensor] = []
    answering = Shares._answered

    def watched(self: Shares, *arguments: object) -> tuple[dict[str, Tensor], Tensor]:
        answers, side = answering(self, *arguments)  # type: ignore[arg-type]
        flows.append(answers["streamflow"].detach())
        return answers, side

    monkeypatch.setattr(Shares, "_answered", watched)
    batch = next(iter(module.task.batches))
    module.backward(module.training_step(batch, 0))
    assert len(flows) == 4
    assert torch.equal(flows[0], flows[2])
    assert torch.equal(flows[1], flows[3])


def test_a_stopped_run_with_shares_goes_on(run: Run) -> None:
    settings = ("training.accumulate=2", "training.steps=10")
    assert_same_run(run(*settings), run(*settings))


def test_shares_cover_a_batch_evenly() -> None:
    shares = list(Share(0, 11, 11).among(4))
    assert [s.first for s in shares] == [0, *(s.last for s in shares[:-1])]
    assert shares[-1].last == 11
    assert {s.last - s.first for s in shares} == {2, 3}
    assert sum(s.weight for s in shares) == pytest.approx(1.0)


def test_a_task_that_cannot_share_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"batches of object cannot be shared"):
        Shares(object(), Processes(), 2, 8, 0.0)
