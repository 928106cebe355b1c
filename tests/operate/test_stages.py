"""Parts in one program or in several give the same numbers, and keep their budgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.bundle import Bundle
from bmi_dmx.errors import ConfigError
from bmi_dmx.operate.operation import Operation
from bmi_dmx.operate.runner import Runner
from bmi_dmx.operate.stages import Stages, stages
from bmi_dmx.operate.storage import balance_names

from .models import HOUR, SHARES, TANK, batch, run, running, saved, series

LINE = {"process": "line"}
GAUGE = {"process": "gauge"}
JOINT = {"process": "joint"}
MANY = {**TANK, "members": 4}

COMPOSED: dict[str, dict[str, Any]] = {
    "one": {"shares": SHARES, "tank": TANK},
    "handed on": {"shares": SHARES, "tank": TANK, "line": LINE},
    "of members": {"shares": SHARES, "tank": MANY, "line": LINE},
    "seen too": {"shares": SHARES, "tank": TANK, "gauge": GAUGE, "line": LINE},
    "of splines": {
        "shares": {
            "network": "kan", "options": {"grid": 5, "trunks": "separate"},
            "attributes": ["age"], "gives": ["share"],
        },
        "tank": MANY,
    },
    "joined": {"shares": SHARES, "tank": MANY, "joint": JOINT},
}  # fmt: skip
"""Models by what is special about them."""


def made(bundle: Bundle, units: str = "model") -> Stages:
    return stages(Operation(bundle, HOUR, HOUR, {}, units))


def names(stages: Stages) -> list[list[str]]:
    """Return the parts of each stage."""
    return [[part.name for part in stage.parts] for stage in stages.sequence]


def terms(runner: Runner, budget: str = "mass") -> dict[str, np.ndarray]:
    runner.storage.close_balance()
    balance = next(b for b in runner.stages.balances if b.budget == budget)
    keys = balance_names(runner.stages, balance)
    sums = runner.storage.balance
    return {way: sums[keys[way]].copy() for way in ("in", "out", "stored")}


def assert_closed(balance: dict[str, np.ndarray]) -> None:
    residual = balance["in"] - balance["out"] - balance["stored"]
    np.testing.assert_allclose(residual, 0.0, atol=1e-12 * np.abs(balance["in"]).max())
    assert (balance["in"] > 0.0).all()


@pytest.mark.parametrize("parts", COMPOSED.values(), ids=COMPOSED)
@pytest.mark.parametrize("units", ["model", "grams"])
def test_stepped_it_gives_the_numbers_of_one_run(
    units: str, parts: dict[str, Any], tmp_path: Path
) -> None:
    bundle = saved(tmp_path, parts)
    runner = running(Operation(bundle, HOUR, HOUR, {}, units))
    factor = 1e3 if units == "grams" else 1.0
    forcing = series(50)
    forcing["supply"] = forcing["supply"] * factor
    outputs = run(runner, forcing, range(50))
    expected = batch(bundle, 50).outputs
    mass = {"held", "carried", "released", "lost", "joined"}
    for name, values in outputs.items():
        scaled = expected[name].numpy() * (factor if name in mass else 1.0)
        np.testing.assert_allclose(values, scaled, rtol=1e-12, atol=1e-14)
    assert_closed(terms(runner))
    # Budgets are in their own units, whatever the host's are.
    supplied = series(50)["supply"].sum(axis=0)
    np.testing.assert_allclose(terms(runner)["in"], supplied, rtol=1e-12)


def test_neighbours_without_members_are_one_program(tmp_path: Path) -> None:
    assert names(made(saved(tmp_path, COMPOSED["seen too"]))) == [
        ["tank", "gauge", "line"]
    ]


def test_the_mean_of_members_is_taken_between_programs(tmp_path: Path) -> None:
    stages = made(saved(tmp_path, COMPOSED["of members"]))
    assert names(stages) == [["tank"], ["line"]]
    assert [stage.members for stage in stages.sequence] == [4, 1]


def test_what_one_part_hands_to_another_neither_enters_nor_leaves(
    tmp_path: Path,
) -> None:
    (balance,) = made(saved(tmp_path, COMPOSED["handed on"])).balances
    assert balance.inputs == (("tank", "supply"),)
    assert balance.outputs == (("line", "delivered"), ("tank", "lost"))
    assert balance.storages == (("tank", "held"), ("line", "carried"))


def test_what_is_only_looked_at_still_leaves(tmp_path: Path) -> None:
    parts = {"shares": SHARES, "tank": TANK, "gauge": GAUGE}
    (balance,) = made(saved(tmp_path, parts)).balances
    assert balance.outputs == (("tank", "released"), ("tank", "lost"))


def test_two_things_handed_to_one_part_leave_once(tmp_path: Path) -> None:
    (balance,) = made(saved(tmp_path, COMPOSED["joined"])).balances
    assert balance.outputs == (("joint", "joined"),)


def test_what_two_parts_hand_to_one_leaves_once(tmp_path: Path) -> None:
    parts = {
        "shares": SHARES, "first": TANK, "second": TANK,
        "joint": {**JOINT, "reads": {"released": "first.released"}},
    }  # fmt: skip
    bundle = saved(tmp_path, parts)
    (balance,) = made(bundle).balances
    assert balance.inputs == (("first", "supply"), ("second", "supply"))
    assert sorted(balance.outputs) == [
        ("first", "lost"), ("joint", "joined"), ("second", "released"),
    ]  # fmt: skip
    runner = running(Operation(bundle, HOUR, HOUR))
    run(runner, series(30), range(30))
    assert_closed(terms(runner))


def test_nothing_is_handed_to_two(tmp_path: Path) -> None:
    parts = {"shares": SHARES, "tank": TANK, "line": LINE, "other": LINE}
    message = "parts: 'released' of 'tank' enters the mass of both 'line' and 'other'"
    with pytest.raises(ConfigError, match=message):
        made(saved(tmp_path, parts))


def test_budgets_of_one_name_have_the_same_units(tmp_path: Path) -> None:
    parts = {"shares": SHARES, "tank": TANK, "scale": {"process": "scale"}}
    message = "parts: the mass of 'tank' is in 'kg' and that of 'scale' in 'g'"
    with pytest.raises(ConfigError, match=message):
        made(saved(tmp_path, parts))


def test_every_budget_is_kept_by_its_name(tmp_path: Path) -> None:
    bundle = saved(tmp_path, {"heater": {"process": "heater"}})
    runner = running(Operation(bundle, HOUR, HOUR))
    run(runner, series(40), range(40))
    for budget, forcing in {"mass": "supply", "heat": "warmth"}.items():
        balance = terms(runner, budget)
        assert_closed(balance)
        inflow = series(40)[forcing].sum(axis=0)
        np.testing.assert_allclose(balance["in"], inflow, rtol=1e-12)
    assert {b.budget: b.units for b in runner.stages.balances} == {
        "mass": "kg", "heat": "J",
    }  # fmt: skip
    # A system may have a word of its own for what it conserves.
    assert {"goods_in", "heat_budget_in"} <= set(runner.storage.balance)


def test_programs_are_made_once_for_all_who_run_them(tmp_path: Path) -> None:
    bundle = saved(tmp_path, COMPOSED["one"])
    assert made(bundle) is made(bundle)
    assert made(bundle, "grams") is not made(bundle)
