"""Parameters that stand for what was observed: answered by its moments."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmi_dmx.compose import Model, Moments, Statistics, fit_statistics
from bmi_dmx.compose.spec import ModelSpec, PartSpec
from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.process import Process
from bmi_dmx.registries import processes
from bmi_dmx.variables import Flux, Forcing, Parameter


class Told(Process):
    """What a network says."""

    forcings = (Forcing(name="heat", bounds=(-50.0, 50.0)),)
    parameters = (
        Parameter(name="said", bounds=(0.0, 9.0), per="place", target="seen"),
    )
    fluxes = (Flux(name="warmth"),)

    def step(self, s, f, p):
        """Return no state, and what was said."""
        return {}, {"warmth": p.said}


if "told" not in processes:
    processes.register("told")(Told)


def spec() -> ModelSpec:
    return ModelSpec(
        parts={
            "network": PartSpec(
                network="lstm", options={"hidden": 4}, forcings=("heat",),
                gives=("said",),
            ),
            "told": PartSpec(process="told"),
        },
        seconds=86400.0,
    )  # fmt: skip


def heat(steps: int = 30) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(1)
    return {"heat": torch.from_numpy(rng.normal(3.0, 2.0, (steps, 2)))}


def arrays() -> dict[str, np.ndarray]:
    return {name: x.numpy() for name, x in heat().items()}


def test_the_moments_are_those_of_what_was_observed_and_is_there():
    observed = np.array([[1.0, np.nan], [3.0, 5.0]])
    statistics = fit_statistics(spec(), arrays(), {}, observed={"seen": observed})
    assert statistics["seen"] == Moments(3.0, float(np.std([1.0, 3.0, 5.0])))


def test_without_observations_nothing_can_be_answered_by_them():
    with pytest.raises(DataError, match="observed 'seen' is missing"):
        fit_statistics(spec(), arrays(), {})


def model(mean: float = 2.0, std: float = 3.0) -> Model:
    torch.manual_seed(2)
    moments = {"heat": Moments(3.0, 2.0), "seen": Moments(mean, std)}
    return Model(spec(), Statistics(moments)).double()


def test_an_untrained_network_answers_next_to_the_mean():
    one = model(mean=4.0, std=1e-3)
    answered = one.simulate(heat(), {}).outputs["warmth"]
    torch.testing.assert_close(
        answered, torch.full_like(answered, 4.0), rtol=0.0, atol=2e-3
    )


def test_what_cannot_be_is_cut_off_and_its_gradient_is_kept():
    one = model(mean=-40.0)
    answered = one.simulate(heat(), {}).outputs["warmth"]
    assert bool((answered == 0.0).all())
    answered.sum().backward()
    (bias,) = one.network("network").network.output.bias.grad
    # Sixty answers, of three for each unit of the network's.
    assert float(bias) == pytest.approx(60 * 3.0)


def test_parts_that_share_an_answer_mean_the_same_by_it():
    class Other(Told):
        """Takes the same word for a share of the bounds."""

        parameters = (Parameter(name="said", bounds=(0.0, 9.0), per="place"),)
        fluxes = (Flux(name="cold"),)

        def step(self, s, f, p):
            return {}, {"cold": p.said}

    if "told_otherwise" not in processes:
        processes.register("told_otherwise")(Other)
    parts = {**spec().parts, "other": PartSpec(process="told_otherwise")}
    both = ModelSpec(parts=parts, seconds=86400.0)
    moments = {"heat": Moments(3.0, 2.0), "seen": Moments(2.0, 1.0)}
    with pytest.raises(ConfigError, match="'said' is shared by 'told' and 'other'"):
        Model(both, Statistics(moments))
