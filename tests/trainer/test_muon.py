"""Muon: matrices by orthogonalised momentum, everything else as by AdamW."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bmi_dmx.trainer.muon import Muon, orthogonalised


@pytest.mark.parametrize("sizes", [(6, 20), (20, 6)])
def test_singular_vectors_stay_and_values_come_close_to_one(
    sizes: tuple[int, int],
) -> None:
    matrix = torch.randn(sizes, generator=torch.Generator().manual_seed(1))
    orthogonal = orthogonalised(matrix)
    values = torch.linalg.svdvals(orthogonal)
    assert values.min() > 0.5
    assert values.max() < 1.3
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    turned = u.T @ orthogonal @ v.T
    off = turned - torch.diag(torch.diag(turned))
    assert off.abs().max() < 1e-4


def test_a_vector_is_moved_as_by_adamw() -> None:
    start = torch.tensor([1.0, -2.0, 0.5])
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    settings: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.1}
    settings["betas"] = (0.9, 0.999)
    pairs = (
        (ours, Muon([ours], **settings)),
        (theirs, torch.optim.AdamW([theirs], **settings)),
    )
    for k in range(20):
        for weight, optimizer in pairs:
            weight.grad = 2.0 * weight.detach() + 0.1 * k
            optimizer.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_step_of_a_matrix_is_as_long_whatever_the_gradient_is() -> None:
    steps = []
    for scale in (1e-3, 1e3):
        weight = torch.nn.Parameter(torch.zeros(8, 32))
        gradient = torch.randn(8, 32, generator=torch.Generator().manual_seed(2))
        weight.grad = scale * gradient
        Muon([weight], lr=0.01).step()
        steps.append(weight.detach())
    torch.testing.assert_close(steps[0], steps[1], rtol=1e-3, atol=1e-6)
    assert steps[0].square().mean().sqrt() == pytest.approx(0.2 * 0.01, rel=0.2)


def test_it_goes_on_from_its_state_bit_for_bit() -> None:
    def moved(weight: torch.nn.Parameter, optimizer: Muon, count: int) -> None:
        for _ in range(count):
            weight.grad = weight.detach() ** 3 - 0.5
            optimizer.step()

    start = torch.randn(4, 6, generator=torch.Generator().manual_seed(3))
    whole = torch.nn.Parameter(start.clone())
    moved(whole, Muon([whole]), 7)
    half = torch.nn.Parameter(start.clone())
    first = Muon([half])
    moved(half, first, 3)
    rest = torch.nn.Parameter(half.detach().clone())
    second = Muon([rest])
    second.load_state_dict(first.state_dict())
    moved(rest, second, 4)
    assert torch.equal(rest, whole)
    assert not torch.equal(rest, start)
