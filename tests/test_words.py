"""The general rooms of the package speak of no domain."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_imports import FLOORS, GENERAL, MODULES, PACKAGE, room

WORDS = (
    "runoff", "precipitation", "evaporation", "evapotranspiration", "basin",
    "catchment",
    "streamflow", "discharge", "river", "daily", "hourly", "snow", "snowpack", "rain",
    "rainfall", "soil", "water", "groundwater", "hydrograph", "hydrology",
    "hydrological", "leaf", "stomata", "photosynthesis", "ocean", "sea", "current",
    "salinity", "humidity", "mm",
)  # fmt: skip
"""Words of the domains that have moved in, or will."""

ALSO_GENERAL = {"current", "sea", "water"}
"""Of these the general sense is allowed as part of a sentence: nothing flows in it."""

LISTS_OF_GUESTS = {"bmi_dmx.registries", "bmi_dmx.trainer.registries"}
"""Where alone guests stand by name."""

ALLOWED = {
    # Hosts and files call identifiers like this, whatever the domain.
    "bmi_dmx.bmi.location_files": {"basin"},
    "bmi_dmx.data.table": {"basin"},
    # PyTorch's name of a product of matrices.
    "bmi_dmx.program.aten": {"mm"},
    # An example of a unit.
    "bmi_dmx.units": {"mm"},
    # The present place of modules that are still found under their old names.
    "bmi_dmx.trainer.data": {"basin"},
    "bmi_dmx.trainer.data.read": {"basin"},
    "bmi_dmx.trainer.data.spec": {"basin"},
    # Options of a command as its users know them.
    "bmi_dmx.trainer.evaluate_command": {"basin", "evaporation"},
    # A class of PyTorch.
    "bmi_dmx.trainer.fit": {"leaf"},
}

PARTS = re.compile(r"[A-Za-z][a-z]*|[A-Z]+(?![a-z])")


def words(text: str) -> Iterator[str]:
    """Yield the words of source text, those inside identifiers too."""
    for part in PARTS.findall(text):
        word = part.lower()
        yield word
        if word.endswith("s"):
            yield word[:-1]


def spoken(path: Path) -> set[str]:
    """Return all words in the code, docstrings and comments of a file."""
    source = path.read_text(encoding="utf-8")
    vocabulary: set[str] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.NAME, tokenize.STRING, tokenize.COMMENT):
            vocabulary.update(words(token.string))
    return vocabulary


GENERAL_MODULES = [
    module
    for module in MODULES
    if room(module) in GENERAL and module not in LISTS_OF_GUESTS
]


def test_the_words_of_a_file_are_all_seen() -> None:
    path = PACKAGE / "models" / "hydrology" / "recipe.py"
    assert {"runoff", "evaporation", "hydrograph", "daily"} <= spoken(path)
    assert {"run", "off", "land"} <= set(words("run_off LandUse"))


def test_the_general_rooms_are_those_below_the_guests() -> None:
    assert {"scan", "compose", "operate", "bmi", "bundle", "trainer", "run"} <= GENERAL
    assert not {"models", "trainer.tasks", "ngen", "routing", "demo"} & GENERAL
    assert set(FLOORS) > GENERAL


@pytest.mark.parametrize("module", GENERAL_MODULES)
def test_a_general_room_knows_no_domain(module: str) -> None:
    forbidden = {*WORDS} - ALSO_GENERAL - ALLOWED.get(module, set())
    assert not spoken(MODULES[module]) & forbidden


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.c")), ids=lambda p: p.name)
def test_kernels_know_no_domain(path: Path) -> None:
    # Intrinsic functions of compilers begin like a unit.
    vocabulary = set(words(path.read_text(encoding="utf-8").replace("_mm_", "")))
    assert not vocabulary & ({*WORDS} - ALSO_GENERAL)
