"""Windows of time run side by side as if each ran alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ConfigError, TrainingError
from bmi_dmx.trainer.tasks.reaches.forest import Forests
from bmi_dmx.trainer.tasks.reaches.simulation import FLOW, Routing
from bmi_dmx.trainer.tasks.reaches.task import ReachesTask
from bmi_dmx.trainer.tasks.reaches.windows import Batch, cut

from .conftest import Tasks, with_gauges

WARMUP, LENGTH = 3, 6

LATERAL = "lateral_inflow"


def windows(task: ReachesTask, gauges: list[int], starts: list[int]) -> Batch:
    routing = task.routing
    assert routing is not None
    return cut(
        task.data, task.forests, task.shift, routing.forcings,
        np.array(gauges), np.array(starts), WARMUP, LENGTH,
    )  # fmt: skip


def routed(task: ReachesTask, model: Any, batch: Batch) -> torch.Tensor:
    assert task.routing is not None
    batch["forcing"] = {n: x.double() for n, x in batch["forcing"].items()}
    return task.routing.run(model, batch, WARMUP)


def test_they_hold_what_the_data_hold(prepared: Tasks) -> None:
    task, _ = prepared()
    batch = windows(task, [1], [4, 20])
    target = batch["target"].numpy()
    inside = task.data.target[:, 1]
    np.testing.assert_array_equal(target[:, 0], inside[7:13])
    np.testing.assert_array_equal(target[:, 1], inside[23:29])
    assert batch["forcing"][LATERAL].shape == (WARMUP + LENGTH + 1, 2 * 3)
    np.testing.assert_array_equal(
        batch["forcing"][LATERAL][:, 3:].numpy(), task.data.inflow[20:30, :3]
    )


def test_side_by_side_is_one_after_the_other(prepared: Tasks) -> None:
    task, model = prepared()
    together = routed(task, model, windows(task, [0, 1], [4, 20, 50]))
    for k, start in enumerate((4, 20, 50)):
        alone = routed(task, model, windows(task, [0, 1], [start]))
        torch.testing.assert_close(
            together[:, 2 * k : 2 * k + 2], alone, rtol=1e-12, atol=0.0
        )


def test_a_gauge_has_the_flow_it_has_without_the_others(prepared: Tasks) -> None:
    task, model = prepared()
    merged = routed(task, model, windows(task, [0, 1], [9]))
    for g in (0, 1):
        alone = routed(task, model, windows(task, [g], [9]))
        torch.testing.assert_close(merged[:, g : g + 1], alone, rtol=1e-12, atol=0.0)


def test_steady_inflow_stays_steady_from_the_first_step(prepared: Tasks) -> None:
    task, model = prepared()
    batch = windows(task, [0, 1], [4, 20])
    one = torch.rand(batch["forcing"][LATERAL].shape[1], dtype=torch.float64) + 0.5
    batch["forcing"][LATERAL] = one.expand(len(batch["forcing"][LATERAL]), -1).clone()
    flow = routed(task, model, batch)
    whole, part = one.reshape(2, 7).sum(1), one.reshape(2, 7)[:, :3].sum(1)
    expected = torch.stack([whole, part], 1).reshape(-1).expand(LENGTH, -1)
    torch.testing.assert_close(flow, expected, rtol=1e-9, atol=0.0)


def test_a_gauge_inside_its_reach_leaves_out_what_enters_below(
    prepared: Tasks,
) -> None:
    task, model = prepared()
    shares = np.array([0.25, 1.0])
    data = with_gauges(task.data, share=shares)
    part = Routing(data, Forests(data), task.shift, model)
    batch = windows(task, [0, 1], [4])
    one = torch.ones(7, dtype=torch.float64)
    batch["forcing"][LATERAL] = one.expand(len(batch["forcing"][LATERAL]), -1).clone()
    flow = part.run(model, batch, WARMUP)
    torch.testing.assert_close(
        flow,
        torch.tensor([[6.25, 3.0]]).double().expand(LENGTH, -1),
        rtol=1e-9,
        atol=0,
    )


def test_gradients_reach_inflow_start_and_weights(prepared: Tasks) -> None:
    task, model = prepared()
    batch = windows(task, [0, 1], [4])
    inflow = batch["forcing"][LATERAL].double().requires_grad_()
    weights = list(model.network("channel").parameters())

    def loss(lateral: torch.Tensor) -> torch.Tensor:
        assert task.routing is not None
        days = task.routing.run(model, {**batch, "forcing": {LATERAL: lateral}}, WARMUP)
        return days.square().mean()

    gradient, *of_weights = torch.autograd.grad(loss(inflow), [inflow, *weights])
    # The first step is in the steady start as well as in the routing.
    for place in ((0, 0), (2, 6), (5, 3)):
        change = torch.zeros_like(inflow)
        change[place] = 1e-5
        with torch.no_grad():
            slope = (loss(inflow + change) - loss(inflow - change)) / 2e-5
        assert float(slope) == pytest.approx(
            float(gradient[place]), rel=1e-5, abs=1e-9 * float(gradient.abs().max())
        )
    bias, moved = weights[-1], of_weights[-1]
    with torch.no_grad():
        bias[0] += 1e-5
        up = loss(inflow)
        bias[0] -= 2e-5
        down = loss(inflow)
        bias[0] += 1e-5
    assert float((up - down) / 2e-5) == pytest.approx(float(moved[0]), rel=1e-5)


def test_a_flow_that_is_no_number_is_named_by_its_reach(
    prepared: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, model = prepared()
    batch = windows(task, [0, 1], [4, 20])
    good = type(model).simulate

    def broken(self: Any, *arguments: Any, **more: Any) -> Any:
        ran = good(self, *arguments, **more)
        flow = ran.outputs[FLOW].clone()
        flow[30, 7 + 4] = float("nan")
        ran.outputs[FLOW] = flow
        return ran

    monkeypatch.setattr(type(model), "simulate", broken)
    with pytest.raises(TrainingError, match="flow of reach '15' is nan at step 30"):
        task.loss(model, batch)


def test_every_batch_has_observations_after_its_warmup(prepared: Tasks) -> None:
    task, _ = prepared("together=1", "training.batch=3")
    for _ in range(40):
        batch = task.batches.draw()
        assert len(batch["gauges"]) == 1
        assert batch["target"].isfinite().any()
        first, last = task.days["train"].start, task.days["train"].stop
        days = batch["start"].numpy() + WARMUP
        assert (days >= first).all()
        assert (days + LENGTH <= last).all()


def test_a_draw_goes_on_where_it_was(prepared: Tasks) -> None:
    task, _ = prepared()
    task.batches.draw()
    state = task.batches.state_dict()
    expected = [task.batches.draw()["start"] for _ in range(3)]
    task.batches.load_state_dict(state)
    assert all(torch.equal(task.batches.draw()["start"], x) for x in expected)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.seconds=7000", "model.seconds: found 7000, expected .* divides a day"),
        ("training.warmup=80", "80 \\+ 6 days do not fit"),
    ],
)
def test_steps_and_windows_must_fit(
    prepared: Tasks, setting: str, message: str
) -> None:
    with pytest.raises(
        ConfigError if "seconds" in setting else Exception, match=message
    ):
        prepared(setting)
