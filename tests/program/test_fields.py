"""Operations along the axes of fields: as in PyTorch, numbers for fields included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.program import evaluate
from bmi_dmx.program.trace import trace

X = torch.randn(
    3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(4)
)

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "running sums": lambda x: x.cumsum(-3) - x.cumsum(1),
    "neighbours": lambda x: torch.roll(x, 1, -1) * torch.roll(x, -1, -2),
    "further neighbours": lambda x: torch.roll(x, (2, -7), (-3, -1)),
    "products added": lambda x: torch.addcmul(x, x, x, value=-1.0),
    "half of products added": lambda x: torch.addcmul(x, x.exp(), x, value=0.5),
    "nothing joined": lambda x: torch.cat((torch.zeros_like(x[:1]), x), -3),
    "nothing joined with nothing": lambda x: torch.cat(
        (torch.zeros_like(x), torch.zeros_like(x[:2]))
    ),
    "sums of nothing": lambda x: x[0] + torch.zeros_like(x).sum(-3),
    "running sums of nothing": lambda x: x * torch.ones_like(x).cumsum(-2),
    "parts of nothing": lambda x: x[1:] + torch.zeros_like(x)[1:].unsqueeze(0)[0],
    "levels apart": lambda x: torch.stack(x.unbind(-3)[::-1], -3),
    "between": lambda x: torch.lerp(x, x.abs(), 0.3),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_fields_are_those_of_pytorch(function: Callable[[Tensor], Tensor]) -> None:
    program = trace(lambda values: {"y": function(values["x"])}, {"x": X})
    (field,) = evaluate(program, {"x": X.numpy()}).values()
    expected = function(X).numpy()
    # A number stands for a field of it.
    whole = np.broadcast_to(field, expected.shape)
    np.testing.assert_allclose(whole, expected, rtol=1e-14, atol=1e-15)
