"""Bundles whose hashes are right and whose content is not are refused by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi_dmx.bundle import load_bundle
from bmi_dmx.bundle.declared import MOST_ENTRIES, MOST_STEPS
from bmi_dmx.errors import BundleError
from bmi_dmx.program.check import MOST_INSTRUCTIONS, MOST_TERMS
from tests.systems import BLOCK, made

from .river import change_programs, change_weights, edit, part, refused, sign
from .test_systems import saved

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(made(BLOCK), tmp_path_factory.mktemp("good")).path


@pytest.fixture
def heat(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "heat"))


def of(name: str, kind: str, at: int = 0) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what finds a declaration of a part."""
    return lambda d: part(d, name)["variables"][kind][at]


def repeat(name: str, kind: str) -> Change:
    def change(data: dict[str, Any]) -> None:
        entries = part(data, name)["variables"][kind]
        entries.append(entries[0])

    return change


def rename(name: str, kind: str, other: str) -> Change:
    return lambda d: of(name, kind)(d).update(name=other)


DECLARED: dict[str, tuple[Change, str]] = {
    "units": (
        lambda d: of("tank", "states")(d).update(units="kilojoule-ish"),
        r"model\.yaml: tank\.energy: units 'kilojoule-ish' are not known",
    ),
    "units of a budget": (
        lambda d: of("tank", "budgets")(d).update(units="nonsense"),
        r"tank\.budget 'energy': units 'nonsense' are not known",
    ),
    "a state twice": (
        repeat("tank", "states"),
        r"parts\.tank\S+: 'energy' is giv",
    ),
    "a flux twice": (
        repeat("lamp", "fluxes"),
        r"parts\.lamp\S+: 'heat' is giv",
    ),
    "a prepared one twice": (
        repeat("radiator", "prepared"),
        r"prepared: 'left' is g",
    ),
    "a budget twice": (repeat("tank", "budgets"), r"budgets: 'energy' is giv"),
    "a state called as a flux": (
        rename("tank", "states", "cooling"),
        r"tank\S+: 'cooling' is given twice",
    ),
    "an unknown store": (
        lambda d: of("tank", "budgets")(d).update(storages=["enrgy"]),
        r"budget 'energy': storages: unknown 'enrgy'; did you mean 'energy'",
    ),
    "an unknown flux": (
        lambda d: of("tank", "budgets")(d).update(outputs=["warmth"]),
        r"budget 'energy': outputs: unknown 'warmth'",
    ),
    "a flux twice in a budget": (
        lambda d: of("tank", "budgets")(d).update(outputs=["cooling", "cooling"]),
        r"budget 'energy': outputs: 'cooling' is given twice",
    ),
    "a budget's name": (
        lambda d: of("tank", "budgets")(d).update(name="a/b"),
        r"budget 'a/b': expected a name of letters",
    ),
    "bounds that are reversed": (
        lambda d: of("tank", "parameters")(d).update(bounds=[0.5, 0.001]),
        r"parameters\.0: leak: bounds \(0\.5, 0\.001\) are not low < high",
    ),
    "bounds without numbers": (
        lambda d: of("tank", "parameters")(d).update(bounds=[float("nan"), 1.0]),
        r"parameters\.0\.bounds\.0: found nan, expected a number",
    ),
    "a beginning out of bounds": (
        lambda d: of("tank", "states")(d).update(initial=-1.0),
        r"energy: initial: found -1, expected 0 to 1e\+06",
    ),
    "a default out of bounds": (
        lambda d: of("tank", "parameters", 1)(d).update(default=9.0),
        r"gain: default: found 9, expected 0\.5 to 2",
    ),
    "many entries": (
        lambda d: of("radiator", "states")(d).update(size=10_000_000),
        rf"waiting: size: found 10000000, expected at most {MOST_ENTRIES}",
    ),
    "many members": (
        lambda d: part(d, "tank").update(members=10**9),
        r"parts\.tank\.members: expected 1 to \d+, found 1000000000",
    ),
    "many steps": (
        lambda d: d.update(steps=[3600.0, *range(1, 99)]),
        rf"steps: found 99, expected at most {MOST_STEPS}",
    ),
    "a unit of time": (
        lambda d: part(d, "tank").update(time="fortnight"),
        r"parts\.tank\.time: unknown 'fortnight'",
    ),
    "a name that states use": (
        lambda d: part(d, "lamp").update(name="forcing"),
        r"parts: found 'forcing', expected letters.* none of balance, clock",
    ),
    "a name like that of a program": (
        lambda d: part(d, "lamp").update(name="radiator.prepare"),
        r"parts: found 'radiator\.prepare', expected letters",
    ),
    "an answer": (lambda d: d.update(answers=["wrmth"]), r"answers: unknown 'wrmth'"),
    "a spread of nothing": (
        lambda d: d["statistics"]["size"].update(std=0.0),
        r"statistics\.size: std: expected a number above 0, found 0\.0",
    ),
    "a spread that is no number": (
        lambda d: d["statistics"]["size"].update(std=float("nan")),
        r"statistics\.size\.std: found nan, expected a number",
    ),
    "a spread below nothing": (
        lambda d: d["statistics"]["size"].update(std=-1.0),
        r"statistics\.size: std: expected a number above 0, found -1\.0",
    ),
    "a ring of everything": (
        lambda d: d.update(space={"kind": "ring", "size": 10**12}),
        r"model\.yaml: space: size: found 1e\+12, expected at most",
    ),
    "a number beyond numbers": (
        lambda d: of("tank", "states")(d).update(initial=10**400),
        r"initial: found 1\d+\.\.\., expected a number",
    ),
}


@pytest.mark.parametrize(("change", "message"), DECLARED.values(), ids=DECLARED)
def test_declarations_that_mean_nothing_are_refused(
    heat: Path, change: Change, message: str
) -> None:
    edit(heat, change)
    sign(heat)
    refused(heat, message)


def body(*instructions: list[Any], **outputs: Any) -> Change:
    """Return what puts instructions before those of the lamp, and sets its outputs."""

    def change(programs: dict[str, Any]) -> None:
        lamp = programs["lamp"]
        lamp["instructions"] = [*instructions, *lamp["instructions"]]
        lamp["outputs"] |= {f"q.{name}": value for name, value in outputs.items()}

    return change


def chain(count: int, *, op: str = "add", end: str = "heat") -> Change:
    """Return what makes each value of the one before, of it and itself."""

    def change(programs: dict[str, Any]) -> None:
        (first, *_) = programs["lamp"]["inputs"].values()
        names = [first, *(f"v{900 + k}" for k in range(count))]
        statements = [[b, op, [a, a]] for a, b in pairwise(names)]
        body(*statements, **{end: names[-1]})(programs)

    return change


def masks(depth: int) -> Change:
    """Return what nests masks, each of which is printed twice in the next."""

    def change(programs: dict[str, Any]) -> None:
        chain(depth, op="and")(programs)
        (first, *_) = programs["lamp"]["inputs"].values()
        instructions = programs["lamp"]["instructions"]
        instructions[0] = ["v900", "gt", [first, 0.0]]

    return change


def shaped(*instructions: list[Any]) -> Change:
    """Return what computes on shapes in the network, where that is allowed."""

    def change(programs: dict[str, Any]) -> None:
        network = programs["wiring"]
        network["instructions"] += instructions

    return change


DOUBLING = [["v901", "arange", [0, 1000, 1]]] + [
    [f"v{902 + k}", "cat", [[f"v{901 + k}"] * 2, 0]] for k in range(40)
]

PROGRAMS: dict[str, tuple[Change, str]] = {
    "no number": (body(heat=float("nan")), r"lamp: nan is not an argument"),
    "an infinite number": (body(heat=float("inf")), r"lamp: inf is not an argument"),
    "a whole number beyond numbers": (
        body(heat=10**400), r"lamp: a number of 1329 bits is not an argument",
    ),
    "an absurd flux": (
        body(heat=1e308),
        r"lamp: output 'q\.heat' is 1e\+308 for inputs inside their bounds",
    ),
    "a flux that is never a number": (
        body(["v900", "log", [-1.0]], heat="v900"), r"output 'q\.heat' is nan for",
    ),
    "a store below its bounds": (
        lambda p: p["tank"]["outputs"].update({"s.energy": -1.0}),
        r"tank: output 's\.energy' is -1 for inputs .*, expected 0 to 1e\+06",
    ),
    "a budget that leaks": (
        lambda p: p["tank"]["outputs"].update({"q.cooling": 0.0}),
        r"tank: the budget of energy does not close: \S+ kW h of \S+ are left over",
    ),
    "a prepared parameter": (
        lambda p: p["radiator.prepare@600"]["outputs"].update({"p.left": 7.0}),
        r"radiator@600: parameter 'left' is 7 for inputs .*, expected 0\.1 to 1",
    ),
    "too many instructions": (
        chain(20_000), rf"lamp: 200\d\d instructions, .* at most {MOST_INSTRUCTIONS}",
    ),
    "masks within masks": (
        masks(24), rf"lamp: masks within masks make more than {MOST_TERMS} operations",
    ),
    "logic of numbers": (chain(1, op="and"), r"lamp: 'and' of 'v\d+', no mask"),
    "a list as an argument": (
        body(["v900", "add", [[1.0, 2.0], 1.0]], heat="v900"),
        r"lamp: \[1\.0, 2\.0\] is not an argument",
    ),
    "lists within lists": (
        shaped(["v901", "arange", [[[0]], 1, 1]]), r"wiring: \[0\] is not an argument",
    ),
    "a doubling": (shaped(*DOUBLING), r"wiring: operation 'cat' makes \S+ numb"),
    "a tiny step": (
        shaped(["v901", "arange", [0, 1, 1e-9]]), r"'arange' of too many numbers",
    ),
    "a huge shape": (
        shaped(["v901", "arange", [0, 1, 1]], ["v902", "expand", ["v901", [10**12]]]),
        r"wiring: operation 'expand' makes 1e\+12 numbers in a trial",
    ),
    "sums of rows and columns": (
        shaped(
            ["v901", "arange", [0, 100_000, 1]],
            ["v902", "expand_dims", ["v901", 1]],
            ["v903", "add", ["v901", "v902"]],
        ),
        r"wiring: operation 'add' makes 1e\+10 numbers in a trial",
    ),
    "many large ones": (
        shaped(
            ["v901", "arange", [0, 1_000_000, 1]],
            *([f"v{902 + k}", "neg", [f"v{901 + k}"]] for k in range(400)),
        ),
        r"wiring: operation 'neg' is one too many",
    ),
    "shapes in a step": (
        body(["v900", "arange", [0, 1, 1]], heat="v900"),
        r"lamp: operation 'arange' is not elementwise",
    ),
    "inputs that are no mapping": (
        lambda p: p["lamp"].update(inputs=[[1, "v1"]]), r"lamp: not a program",
    ),
    "another input": (
        lambda p: p["lamp"]["inputs"].update({"f.volts": "v999"}),
        r"unexpected .*lamp: input 'f\.volts'",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), PROGRAMS.values(), ids=PROGRAMS)
def test_programs_that_would_hurt_are_refused(
    heat: Path, change: Change, message: str
) -> None:
    change_programs(heat, change)
    refused(heat, message)


def test_many_entries_are_refused_whatever_is_declared(heat: Path) -> None:
    """The program alone may ask for more than a compiler can do."""

    def many(programs: dict[str, Any]) -> None:
        inputs = {f"s.waiting.{k}": f"v{k}" for k in range(70_000)}
        programs["radiator@3600"]["inputs"] = inputs

    change_programs(heat, many)
    refused(heat, r"radiator@3600: 70000 inputs, expected at most 8192")


def test_a_program_given_twice_is_refused(heat: Path) -> None:
    path = heat / "programs.json"
    text = path.read_text(encoding="utf-8")
    path.write_text('{"lamp": [],' + text[1:], encoding="utf-8")
    sign(heat)
    refused(heat, r"programs\.json: not JSON: 'lamp' is given twice")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w, n: w[n].fill(np.nan), r"has \d+ of \d+ values not finite"),
        (lambda w, n: w[n].fill(-np.inf), r"has \d+ of \d+ values not finite"),
        (
            lambda w, n: w.update({n: w[n].astype(np.float16)}),
            r"is float16",
        ),
        (lambda w, n: w.update({n: w[n].T.copy()}), r"is float64\(\d, \d\), expected"),
    ],
)
def test_weights_that_are_none_are_refused(
    heat: Path, change: Any, message: str
) -> None:
    change_weights(heat, lambda w: change(w, next(n for n in w if w[n].ndim == 2)))
    refused(heat, rf"weights\.safetensors: array '\S+' {message}")


def test_what_is_refused_for_another_reason_is_good(heat: Path) -> None:
    sign(heat)
    assert load_bundle(heat).name == "heat"


def header(text: str, size: int | None = None) -> bytes:
    content = text.encode()
    return (len(content) if size is None else size).to_bytes(8, "little") + content


def array(kind: str, shape: list[int], begin: int, end: int) -> bytes:
    """Return the header of a file of one array that stands somewhere."""
    entry = {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}
    return header(json.dumps({"a": entry}))


HEADERS = {
    "longer than the file": header("{}", 2**60),
    "of nothing": b"",
    "no mapping": header("[1, 2]"),
    "without an end": header("[" * 100_000),
    "outside the file": array("F64", [9], 0, 72),
    "more than is there": array("F64", [10**12], 0, 8) + bytes(8),
    "backwards": array("F64", [1], 8, 0) + bytes(8),
    "of a type that nobody has": array("F8_E4M3", [8], 0, 8) + bytes(8),
}


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
def test_headers_of_weights_that_lead_nowhere_are_refused(
    heat: Path, content: bytes
) -> None:
    (heat / "weights.safetensors").write_bytes(content)
    sign(heat)
    refused(heat, r"weights\.safetensors: (not a whole safetensors file|arrays of F8)")


def test_files_larger_than_any_are_refused_unread(heat: Path) -> None:
    with (heat / "programs.json").open("ab") as file:
        file.truncate(2**40)
    refused(heat, r"programs\.json: larger than \d+ bytes")


def test_a_model_of_other_weights_is_refused_before_any_are_made(heat: Path) -> None:
    """The first weights of the network would take 32 GB."""

    def widen(data: dict[str, Any]) -> None:
        data["model"]["parts"]["wiring"]["options"]["hidden"] = [65536, 65536]

    edit(heat, widen)
    sign(heat)
    bundle = load_bundle(heat)
    with pytest.raises(BundleError, match=r"has shape|is missing|not part of"):
        bundle.model()
