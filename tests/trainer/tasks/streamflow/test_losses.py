"""Losses: numbers by hand, exact masking, finite gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.tasks.streamflow.losses import Scale, compose
from bmi_dmx.trainer.tasks.streamflow.metrics import score
from bmi_dmx.trainer.tasks.streamflow.registries import losses

NAN = math.nan
UNIT = Scale(*[torch.ones(1, dtype=torch.float64)] * 3)


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def scale_of(observed: NDArray[Any] | Tensor, dtype: torch.dtype) -> Scale:
    scale = Scale.of(observed)
    return Scale(*(x.to(dtype) for x in (scale.flow, scale.log_flow, scale.sqrt_flow)))


def flows(
    steps: int = 40, basins: int = 3, seed: int = 0
) -> tuple[Tensor, Tensor, Scale]:
    """Predictions, observations with gaps, and their scale, in float64."""
    draw = np.random.default_rng(seed)
    observed = draw.gamma(0.8, 2.0, (steps, basins))
    predicted = observed * draw.lognormal(0.0, 0.4, (steps, basins)) + 0.05
    scale = scale_of(observed, torch.float64)
    observed[draw.random((steps, basins)) < 0.2] = NAN
    return torch.tensor(predicted), torch.tensor(observed), scale


every_loss = pytest.mark.parametrize("name", losses.names())


BY_HAND = {
    # Errors 1 and 2 at flows 1 and 2; the middle day is missing.
    "mse": 2.5,
    "rmse": math.sqrt(2.5),
    "nse_batch": 2.5 / 1.1**2,
    "nse_sqrt_batch": (math.sqrt(1 + 1e-6) + math.sqrt(4 + 1e-6)) / 2 / 1.1,
    "nse_log_batch": math.log(2) ** 2 / 1.1**2,
    "nse_sqrt": (
        (math.sqrt(2.01) - math.sqrt(1.01)) ** 2
        + (math.sqrt(4.01) - math.sqrt(2.01)) ** 2
    )
    / 2
    / 1.1**2,
    "rmse_combined": 0.75 * math.sqrt(2.5)
    + 0.25
    * math.sqrt(
        (
            math.log10((math.sqrt(2 + 1e-6) + 0.1) / (math.sqrt(1 + 1e-6) + 0.1)) ** 2
            + math.log10((math.sqrt(4 + 1e-6) + 0.1) / (math.sqrt(2 + 1e-6) + 0.1)) ** 2
        )
        / 2
    ),
    # No change is known beside the gap: weight 0.1 on both days.
    "nse_trend_batch": 0.1 * 2.5 / 1.1**2,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_loss_of_two_observed_days_is_the_number_computed_by_hand(name: str) -> None:
    predicted, observed = column(2.0, 77.0, 4.0), column(1.0, NAN, 2.0)
    value = losses[name](predicted, observed, UNIT)
    assert value.item() == pytest.approx(BY_HAND[name], rel=1e-12)


def test_trend_weights_follow_the_change_relative_to_the_largest() -> None:
    predicted, observed = column(2.0, 2.0, 2.0), column(1.0, 3.0, 2.0)
    # Changes 0, 2, 1 of at most 2; every squared error is 1, 1, 0.
    expected = (0.1 + 1.1 + 0.0) / 3 / 1.1**2
    value = losses["nse_trend_batch"](predicted, observed, UNIT)
    assert value.item() == pytest.approx(expected, rel=1e-12)


def test_nse_weighs_basins_by_the_spread_of_their_training_period() -> None:
    scale = Scale(*[torch.tensor([0.9, 1.9], dtype=torch.float64)] * 3)
    predicted = torch.tensor([[2.0, 3.0]], dtype=torch.float64)
    observed = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    value = losses["nse_batch"](predicted, observed, scale)
    assert value.item() == pytest.approx((1 / 1.0**2 + 4 / 2.0**2) / 2, rel=1e-12)


def test_kge_is_one_minus_the_metric_averaged_over_basins() -> None:
    predicted, observed, scale = flows(400)
    metric = score(predicted.numpy(), observed.numpy(), ["kge"])["kge"]
    value = losses["kge"](predicted, observed, scale)
    # The loss adds a fluctuation of 0.01 mm per day to both series.
    assert value.item() == pytest.approx(np.mean(1 - metric), rel=2e-2)


def test_kge_of_a_doubled_series_is_root_two() -> None:
    observed = 100.0 * torch.rand(50, 1, dtype=torch.float64)
    value = losses["kge"](2 * observed, observed, UNIT)
    assert value.item() == pytest.approx(math.sqrt(2), rel=1e-3)


def test_kge_leaves_out_basins_with_few_or_hardly_varying_observations() -> None:
    predicted, observed, scale = flows(40)
    alone = losses["kge"](predicted[:, :1], observed[:, :1], scale[:1])
    observed[9:, 1] = NAN
    observed[:, 2] = 0.3
    assert losses["kge"](predicted, observed, scale) == pytest.approx(alone.item())


@pytest.mark.parametrize("name", [n for n in losses.names() if n != "nse_sqrt_batch"])
def test_a_perfect_prediction_costs_nothing(name: str) -> None:
    _, observed, scale = flows()
    predicted = observed.nan_to_num(3.0).requires_grad_()
    value = losses[name](predicted, observed, scale)
    value.backward()
    assert value.item() == pytest.approx(0.0, abs=1e-12)
    assert predicted.grad is not None
    assert predicted.grad.abs().max() < 1e-12


def test_the_smooth_absolute_error_of_a_perfect_prediction_is_its_smoothing() -> None:
    observed = column(1.0, 5.0)
    value = losses["nse_sqrt_batch"](observed, observed, UNIT)
    assert value.item() == pytest.approx(1e-3 / 1.1, rel=1e-12)


@every_loss
def test_missing_observations_change_neither_value_nor_gradient(name: str) -> None:
    predicted, observed, scale = flows()
    missing = observed.isnan()
    results = []
    for filler in (0.0, 1e6, NAN):
        flow = torch.where(missing, filler, predicted).requires_grad_()
        value = losses[name](flow, observed, scale)
        value.backward()
        results.append((value.item(), flow.grad))
    for value, gradient in results:
        assert value == results[0][0]
        assert torch.equal(gradient, results[0][1])
        assert (gradient[missing] == 0).all()


@every_loss
def test_padding_with_missing_days_leaves_the_value(name: str) -> None:
    predicted, observed, scale = flows()
    gap = torch.full((7, 3), NAN, dtype=torch.float64)
    padded = losses[name](
        torch.cat([predicted, torch.ones_like(gap)]), torch.cat([observed, gap]), scale
    )
    value = losses[name](predicted, observed, scale)
    assert padded.item() == pytest.approx(value.item(), rel=1e-12)


@every_loss
def test_gradient_is_that_of_finite_differences(name: str) -> None:
    predicted, observed, scale = flows(12, 2)
    observed[:, 1] = observed[:, 1].nan_to_num(1.0)
    assert torch.autograd.gradcheck(
        lambda p: losses[name](p, observed, scale), predicted.requires_grad_()
    )


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("constant", [0.0, 1.0, -0.5])
def test_gradient_is_finite_for_constant_zero_and_negative_series(
    name: str, dtype: torch.dtype, constant: float
) -> None:
    for flow in (0.0, 1.0):
        observed = torch.full((20, 2), flow, dtype=dtype)
        observed[:10, 1] = torch.linspace(0, 3, 10)
        predicted = torch.full((20, 2), constant, dtype=dtype, requires_grad=True)
        value = losses[name](predicted, observed, scale_of(observed, dtype))
        value.backward()
        assert value.isfinite()
        assert predicted.grad is not None
        assert predicted.grad.isfinite().all()


@every_loss
def test_a_batch_without_observations_leaves_the_weights_alone(name: str) -> None:
    predicted = torch.ones(20, 1, dtype=torch.float64, requires_grad=True)
    value = losses[name](predicted, torch.full_like(predicted, NAN), UNIT)
    value.backward()
    assert value.item() == 0.0
    assert predicted.grad is not None
    assert (predicted.grad == 0).all()


@every_loss
def test_a_diverged_prediction_is_seen(name: str) -> None:
    predicted, observed, scale = flows()
    observed[5, 1] = 1.0
    predicted[5, 1] = NAN
    assert losses[name](predicted, observed, scale).isnan()


def test_weighted_sum_adds_up() -> None:
    batch = flows()
    both = compose({"nse_batch": 0.75, "nse_sqrt": 0.25})(*batch)
    parts = 0.75 * losses["nse_batch"](*batch) + 0.25 * losses["nse_sqrt"](*batch)
    assert both.item() == pytest.approx(parts.item(), rel=1e-14)
    assert compose("kge") is losses["kge"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nse_bach": 1.0}, "unknown loss 'nse_bach'; did you mean 'nse_batch'?"),
        ("kgee", "unknown loss 'kgee'; did you mean 'kge'?"),
        ({"mse": -1.0}, r"loss.mse: weight -1.0 is not a positive number"),
        ({"mse": NAN}, r"loss.mse: weight nan is not a positive number"),
        ({}, "no name is given"),
    ],
)
def test_a_wrong_loss_is_refused(given: str | dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        compose(given)


def test_scale_is_the_population_spread_of_what_was_observed() -> None:
    observed = np.array([[1.0, 0.0], [3.0, NAN], [NAN, 0.0]])
    scale = Scale.of(observed)
    assert scale.flow.tolist() == [1.0, 0.0]
    assert scale.log_flow[0].item() == pytest.approx(math.log(3) / 2, rel=1e-6)
    root = (math.sqrt(3.01) - math.sqrt(1.01)) / 2
    assert scale.sqrt_flow[0].item() == pytest.approx(root, rel=1e-6)
    assert scale[torch.tensor([1, 0, 0])].flow.tolist() == [0.0, 1.0, 1.0]


def test_scale_refuses_basins_never_observed() -> None:
    with pytest.raises(DataError, match=r"1 of 2 basins .* \(column 1\)"):
        Scale.of(np.array([[1.0, NAN], [2.0, NAN]]))
    with pytest.raises(DataError, match=r"1 of 2 basins .* \(01466500\)"):
        Scale.of(np.array([[1.0, NAN], [2.0, NAN]]), ["01439500", "01466500"])


def test_shapes_that_do_not_fit_are_refused() -> None:
    predicted, observed, scale = flows()
    with pytest.raises(DataError, match=r"expected the same \(time, basin\)"):
        losses["mse"](predicted[1:], observed, scale)
    with pytest.raises(DataError, match="the scale covers 2 basins, the batch has 3"):
        losses["mse"](predicted, observed, scale[:2])
    with pytest.raises(DataError, match="of column 0 contain infinite"):
        Scale.of(np.array([[np.inf]]))
    with pytest.raises(DataError, match=r"shape \(1,\), expected \(time, basin\)"):
        Scale.of(np.array([1.0]))
