"""Which parameters of leaves can be found again in what a chamber measures."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bmi_dmx.models.ecosystem.leaf import Leaf
from bmi_dmx.models.ecosystem.made_data import ATTRIBUTES, MadeLeaves, make_leaves

from .leaves import tensors

LEARNED = 100  # leaves; the others are held out
TRAITS = ("vcmax25", "stomatal_slope", "rd25")
DAYLIGHT = range(8, 17)


class Traits(nn.Module):
    """A small network from the environment to parameters of leaves, spaced by ratio."""

    def __init__(self, leaf: Leaf, names: tuple[str, ...]) -> None:
        super().__init__()
        self.learned = [p for p in leaf.parameters if p.name in names]
        self.layers = nn.Sequential(
            nn.Linear(len(ATTRIBUTES), 16), nn.Tanh(), nn.Linear(16, len(names))
        ).double()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        shares = torch.sigmoid(self.layers(x)).unbind(-1)
        bounds = [p.bounds for p in self.learned]
        return {
            p.name: low * (high / low) ** share
            for p, (low, high), share in zip(self.learned, bounds, shares, strict=True)
        }


def environment(dataset: MadeLeaves) -> Tensor:
    columns = [dataset.attributes[a.name] for a in ATTRIBUTES]
    columns[1:] = [np.log(x) for x in columns[1:]]
    x = torch.from_numpy(np.stack(columns, -1))
    return (x - x.mean(0)) / x.std(0)


def recovered(
    names: tuple[str, ...] = TRAITS,
    targets: tuple[str, ...] = ("net_assimilation", "stomatal_conductance"),
    hours: range = range(24),
    iterations: int = 250,
) -> dict[str, float]:
    """Train; return the error of parameters of held-out leaves, by their logarithm."""
    dataset, leaf = make_leaves(150, 3), Leaf()
    steps = [t for t in range(72) if t % 24 in hours]
    forcing = SimpleNamespace(
        **{n: x[steps] for n, x in tensors(dataset.forcing).items()}
    )
    observed = {n: tensors(dataset.targets)[n][steps] for n in targets}
    usual = {p.name: p.default for p in leaf.parameters if p.default is not None}
    usual["leaf_width"] = dataset.attributes["leaf_width"]
    x, fixed, network = environment(dataset), tensors(usual), Traits(leaf, names)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, iterations)
    for _ in range(iterations):
        space = SimpleNamespace(**(fixed | network(x)))
        _, fluxes = leaf.step(SimpleNamespace(), forcing, space)
        misfit = [(fluxes[n] - y) / y.std() for n, y in observed.items()]
        loss = torch.stack(misfit)[:, :, :LEARNED].square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    truth = tensors(usual | dataset.truth)
    with torch.no_grad():
        errors = {n: (p / truth[n]).log()[LEARNED:] for n, p in network(x).items()}
    return {n: float(e.square().mean().sqrt()) for n, e in errors.items()}


@pytest.mark.slow
def test_all_three_are_found_in_days_and_nights() -> None:
    errors = recovered()
    assert errors["vcmax25"] < 0.05
    assert errors["stomatal_slope"] < 0.06
    assert errors["rd25"] < 0.15


@pytest.mark.slow
def test_respiration_is_not_found_by_daylight() -> None:
    errors = recovered(hours=DAYLIGHT)
    assert errors["stomatal_slope"] < 0.06
    assert errors["rd25"] > 0.5


@pytest.mark.slow
def test_the_slope_is_found_less_well_without_conductance() -> None:
    errors = recovered(targets=("net_assimilation",))
    assert errors["vcmax25"] < 0.06
    assert errors["stomatal_slope"] > 0.06


@pytest.mark.slow
def test_an_intercept_of_next_to_nothing_is_hardly_found() -> None:
    errors = recovered((*TRAITS, "stomatal_intercept"))
    assert errors["stomatal_slope"] < 0.06
    assert errors["stomatal_intercept"] > 0.2
