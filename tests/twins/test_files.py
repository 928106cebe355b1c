"""Files of twin experiments: what their paths start from."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from bmi_dmx.twins.files import experiment_of, run_of

from .test_commands import SMALL

LEARNED = "  - {filter: amortized, members: 1, options: {bundle: learned}}\n"


def options(path: Path, **changes: object) -> Namespace:
    """Return the arguments of a command that leaves all as the file has it."""
    names = ("cycles", "seeds", "error", "observe", "filter", "members", "lag",
             "inflation", "radius")  # fmt: skip
    arguments = dict.fromkeys(names) | {"system": path, "settings": [], "option": []}
    return Namespace(**{**arguments, **changes})


@pytest.fixture
def learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An experiment with a learned filter beside it, and another one where we are."""
    path = tmp_path / "here" / "ring.yaml"
    elsewhere = tmp_path / "elsewhere"
    for folder in (path.parent, elsewhere):
        (folder / "learned").mkdir(parents=True)
    path.write_text(SMALL + LEARNED, encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    return path


def test_a_learned_filter_is_found_from_the_folder_of_the_file(learned: Path) -> None:
    run = experiment_of(options(learned)).runs[-1]
    assert run.options == {"bundle": str(learned.parent / "learned")}


def test_one_that_is_given_as_an_argument_is_found_from_where_we_are(
    learned: Path,
) -> None:
    arguments = options(learned, filter="amortized", option=["bundle=learned"])
    run = run_of(arguments, experiment_of(arguments))
    assert run.options == {"bundle": "learned"}
