"""An ensemble gives what its members give alone."""

from __future__ import annotations

import pytest
import torch

from bmi_dmx.compose import Ensemble, Model, ModelSpec, Statistics
from bmi_dmx.conversion import convert
from bmi_dmx.errors import DataError
from tests.guests import linear_reservoirs, lorenz_96
from tests.guests.test_guests import GUESTS

assert GUESTS  # whose processes are registered there

SIZE, STEPS, PLACES = 3, 40, 2
LAND = {
    "seconds": 86400,
    "parts": {
        "constants": {"network": "constant", "gives": "all"},
        "land": {"process": "hbv10", "members": 2},
        "outlet": {"process": "unit_hydrograph", "options": {"days": 5}},
    },
}


def made(block: dict[str, object]) -> Model:
    return Model(convert(block, ModelSpec), Statistics({})).double().eval()


def test_members_of_an_ensemble_are_runs_of_their_own() -> None:
    model = made(LAND)
    ensemble = Ensemble(model, SIZE)
    forcing = {
        "precipitation": 20.0 * torch.rand(STEPS, SIZE, PLACES, dtype=torch.float64),
        "air_temperature": torch.rand(STEPS, PLACES, dtype=torch.float64) * 8.0 - 2.0,
        "potential_evaporation": torch.full((STEPS, PLACES), 2.0, dtype=torch.float64),
    }
    state = ensemble.initial_state(PLACES)
    state["land.soil_moisture"] += 50.0 * torch.rand(SIZE, PLACES, 2)
    ran = ensemble.simulate(forcing, {}, state=state, outputs=["streamflow"])
    for member in range(SIZE):
        alone = model.simulate(
            {n: x[:, member] if x.ndim == 3 else x for n, x in forcing.items()},
            {},
            state={
                n: x[:, member] if n == "outlet.in_transit" else x[member]
                for n, x in state.items()
            },
            outputs=["streamflow"],
        )
        flow = ran.outputs["streamflow"][:, member]
        torch.testing.assert_close(flow, alone.outputs["streamflow"])
        transit = ran.state["outlet.in_transit"][:, member]
        torch.testing.assert_close(transit, alone.state["outlet.in_transit"])


def test_series_of_another_number_of_members_are_refused() -> None:
    # Of as many places in all as the ensemble has, were they parted in another way.
    forcing = {
        name: torch.ones(STEPS, 2 * SIZE, PLACES, dtype=torch.float64)
        for name in ("precipitation", "air_temperature", "potential_evaporation")
    }
    with pytest.raises(DataError, match="'precipitation' has 6 members, expected 3"):
        Ensemble(made(LAND), SIZE).simulate(forcing, {}, outputs=["streamflow"])


def test_fields_have_an_axis_of_the_ensemble() -> None:
    model = made(lorenz_96.MODEL)
    ensemble = Ensemble(model, SIZE)
    state = ensemble.initial_state(())
    state["waves.x"] = state["waves.x"] + torch.randn(SIZE, lorenz_96.SIZE)
    ran = ensemble.simulate({}, {}, state=state, steps=5)
    alone = model.simulate({}, {}, state={"waves.x": state["waves.x"][1]}, steps=5)
    torch.testing.assert_close(ran.outputs["x"][:, 1], alone.outputs["x"])


def test_places_that_feed_others_are_refused() -> None:
    model = made({**linear_reservoirs.MODEL, "parts": {
        "constants": {"network": "constant", "gives": "all"},
        "reservoirs": {"process": "reservoir"},
    }})  # fmt: skip
    with pytest.raises(DataError, match="no second axis"):
        Ensemble(model, SIZE)
    with pytest.raises(DataError, match="at least 1 member, found 0"):
        Ensemble(made(LAND), 0)
