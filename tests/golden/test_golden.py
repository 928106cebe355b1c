"""Numbers of version 0.1 hold: bit for bit on the same kind of machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .cases import CASES, Case, run
from .framework import VARIANTS, run_framework, write_sample
from .records import Records, condensed, differences, machine, read_records
from .training import MODELS, interrupted, train_whole

HERE = Path(__file__).parent

RENAMED: dict[str, str] = {
    "process.": "land.",
    "routing.": "outlet.",
    "network.": "dynamic.",
    "dynamic.": "varying.",
    "day.hours": "period.steps",
    "day.": "period.",
}
"""Arrays of saved states that are called otherwise now: the old name, and the new.

A name that ends with a full stop stands for all that begin with it. Arrays that came in
addition need not be here.
"""

RECORDED = json.loads((HERE / "machine.json").read_text(encoding="utf-8"))
SAME_MACHINE = machine() == {k: v for k, v in RECORDED.items() if k != "commit"}

PRECISE = {"rtol": 1e-12, "atol": 1e-15}
"""Elsewhere."""

WRITTEN = {"rtol": 2e-8, "atol": 1e-15}
"""Files have nine digits, and the last may be rounded either way."""

LEARNED = {"rtol": 1e-4, "atol": 1e-4}


def today(name: str) -> str:
    """Return the name that something recorded has now."""
    kind, _, state = name.rpartition(" ")
    if kind != "state":
        return name
    for old, new in RENAMED.items():
        if state == old or (old.endswith(".") and state.startswith(old)):
            return f"state {new}{state.removeprefix(old)}"
    return name


def recorded(file: str) -> dict[str, Records]:
    groups = read_records(HERE / file)
    return {
        group: {today(name): entry for name, entry in records.items()}
        for group, records in groups.items()
    }


def assert_hold(
    expected: Records,
    actual: Records,
    tolerance: dict[str, float],
    bitwise: bool = SAME_MACHINE,
) -> None:
    problems = differences(expected, actual, bitwise=bitwise, **tolerance)
    assert not problems, "\n".join(problems)


COMPONENTS = recorded("components.npz")
FRAMEWORK = recorded("ngen.npz")
TRAINING = recorded("training.npz")

OF_NETWORKS = [
    pytest.param(case, id=case.name, marks=pytest.mark.slow if case.wet else ())
    for case in CASES
    if case.name.startswith("lstm")
]
"""Courses of a model with a network that varies; the many that differ in what gives
potential evaporation, and in units, are slow."""


def test_everything_that_is_run_was_recorded() -> None:
    assert COMPONENTS.keys() == {case.name for case in CASES}
    assert FRAMEWORK.keys() == VARIANTS.keys()
    assert TRAINING.keys() == MODELS.keys()


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluate networks in NumPy, as then: kernels add up in another order."""
    monkeypatch.setattr("bmi_dmx.kernels.evaluator.kernel_of", lambda _: None)


@pytest.mark.usefixtures("evaluated")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_numbers_of_0_1_hold(case: Case, tmp_path: Path) -> None:
    records = condensed(run(case, tmp_path))
    assert_hold(COMPONENTS[case.name], records, PRECISE)


@pytest.mark.parametrize("case", OF_NETWORKS)
def test_compiled_networks_give_them_to_rounding(case: Case, tmp_path: Path) -> None:
    records = condensed(run(case, tmp_path))
    assert_hold(COMPONENTS[case.name], records, PRECISE, bitwise=False)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("golden") / "sample")


@pytest.mark.usefixtures("evaluated")
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_files_of_a_coupled_run_hold(
    variant: str, sample: Path, tmp_path: Path
) -> None:
    records = run_framework(variant, sample, tmp_path)
    assert records.keys() == FRAMEWORK[variant].keys()
    assert_hold(FRAMEWORK[variant], records, WRITTEN)


@pytest.mark.parametrize("model", MODELS)
def test_a_training_learns_the_same_weights(model: str, tmp_path: Path) -> None:
    assert_hold(TRAINING[model], train_whole(model, tmp_path), LEARNED)


@pytest.mark.parametrize("model", MODELS)
def test_so_does_one_that_was_interrupted(model: str, tmp_path: Path) -> None:
    assert_hold(TRAINING[model], interrupted(model, tmp_path), LEARNED)
