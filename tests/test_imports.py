"""Who may import whom, and what importing costs."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch

import bmi_dmx
from bmi_dmx.models.hydrology.hbv import Hbv
from bmi_dmx.scan import ScanResult
from bmi_dmx.scan.engine import scan

PACKAGE = Path(bmi_dmx.__file__).parent

FOUNDATION = (
    "errors", "files", "registry", "units", "conversion", "config", "tables", "logs",
    "registries", "schema", "moved", "arguments", "progress",
)  # fmt: skip

FLOORS = {
    **dict.fromkeys(FOUNDATION, 0),
    "variables": 1,
    "data": 2,
    "space": 2,
    "process": 3,
    "tendency": 4,
    "program": 5,
    "kernels": 6,
    "scan": 7,
    "networks": 7,
    "compose": 8,
    "bundle": 9,
    "describe": 9,
    "operate": 10,
    "assimilation": 11,
    "bmi": 12,
    "trainer": 13,
    "run": 13,
    "models": 14,
    "trainer.tasks": 15,
    "ngen": 16,
    "benchmarks": 17,
    "info": 17,
    "inspection": 17,
    "routing": 17,
    "twins": 17,
    "command_groups": 17,
    "demo": 18,
    "cli": 19,
    "__main__": 20,
}
"""Rooms of the package; what is lower never imports what is higher."""

GENERAL = {name for name, floor in FLOORS.items() if floor < FLOORS["models"]}
"""Rooms that know no domain, and reach the guests through registries alone."""

DATA_ONLY = {"configs", "bundles"}

IMPORTERS_OF_TRAINER = {
    "info", "inspection", "routing", "trainer", "trainer.tasks", "twins", "demo",
    "benchmarks", "cli",
}  # fmt: skip

HEAVY = {"torch", "pandas", "geopandas", "matplotlib", "xarray", "lightning"}

LIGHT = [
    f"bmi_dmx.{name}"
    for name in (
        *FOUNDATION, "variables", "data", "data.axis", "data.identity",
        "data.fill_values", "data.fields",
        "data.geopackage", "data.netcdf", "data.projection",
        "data.stored_fields",
        "data.quantity", "data.table", "data.times",
        "space", "process", "tendency", "program", "kernels", "scan", "networks",
        "compose", "bundle", "operate", "bmi", "run", "info", "cli",
        "assimilation", "assimilation.filters", "assimilation.localisation",
        "operate.runner", "run.run", "trainer.registries", "models.hydrology.system",
        "models.hydrology.climate", "models.hydrology.component",
        "models.rivers.component", "models.rivers.reaches", "models.rivers.system",
        "models.rivers.formats", "models.chaos", "assimilation",
        "assimilation.dynamics",
        "models.rivers.formats", "models.ocean.system",
    )
]  # fmt: skip
LIGHT += [
    f"bmi_dmx.ngen.{name}"
    for name in ("check", "driver", "prepare", "sample", "simulate")
]


def modules() -> dict[str, Path]:
    """Return all modules of the package by dotted name."""
    modules = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["bmi_dmx", *path.relative_to(PACKAGE).with_suffix("").parts]
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


MODULES = modules()


@cache
def parsed(module: str) -> ast.Module:
    """Return the source of a module as a tree, which nobody changes."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imported(module: str, *, for_types: bool = True) -> Iterator[str]:
    """Yield every module that another imports, wherever in it the import stands.

    What it imports for its types alone may be left out.
    """
    package = module
    if MODULES[module].name != "__init__.py":
        package = module.rpartition(".")[0]
    for node in nodes(parsed(module), for_types):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: 1 - node.level or None] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield inner if inner in MODULES else origin


def nodes(tree: ast.AST, for_types: bool) -> Iterator[ast.AST]:
    """Yield all statements of a tree, or those that are there at run time."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        below = ast.iter_child_nodes(node)
        of_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if of_types and not for_types:
            below = iter(node.orelse)
        stack += (child for child in below if not isinstance(child, ast.expr))


def room(module: str) -> str:
    """Return the first name below the package; the package itself is ''."""
    inside = module.partition(".")[2]
    return (
        "trainer.tasks"
        if inside.startswith("trainer.tasks")
        else inside.partition(".")[0]
    )


def guest(module: str) -> str:
    """Return the folder of a guest that a module is of; empty if it is of none."""
    for start in ("bmi_dmx.models.", "bmi_dmx.trainer.tasks."):
        if module.startswith(start):
            return module.removeprefix(start).partition(".")[0]
    return ""


def test_every_module_has_its_place_on_a_floor() -> None:
    rooms = {room(module) for module in MODULES} - {""}
    assert FLOORS.keys() <= rooms <= {*FLOORS, *DATA_ONLY}


def test_the_imports_of_the_package_are_all_seen() -> None:
    targets = set(imported("bmi_dmx.scan.engine"))
    assert {"torch", "bmi_dmx.process", "bmi_dmx.scan.arguments"} <= targets


def may_import(here: str, there: str) -> bool:
    """Say whether one room may import another."""
    if there not in FLOORS or FLOORS[there] > FLOORS[here]:
        return False
    if there in ("trainer", "trainer.tasks") and here not in IMPORTERS_OF_TRAINER:
        return False
    # Neither of two rooms on one floor leads into the other.
    return here == there or FLOORS[there] < FLOORS[here] or here in FOUNDATION


def test_no_module_imports_from_a_higher_floor() -> None:
    violations = [
        f"{module} imports {target}"
        for module in MODULES
        if room(module) in FLOORS
        for target in imported(module, for_types=False)
        if target.startswith("bmi_dmx.") and not may_import(room(module), room(target))
    ]
    assert not violations


@pytest.mark.parametrize(
    ("here", "there", "may"),
    [
        ("scan", "process", True), ("process", "scan", False), ("scan", "scan", True),
        ("scan", "networks", False), ("scan", "nowhere", False),
        ("registries", "config", True), ("run", "trainer", False),
        ("cli", "trainer", True), ("ngen", "trainer.tasks", False),
    ],
)  # fmt: skip
def test_rooms_import_what_is_below_them(here: str, there: str, may: bool) -> None:
    assert may_import(here, there) is may


def test_no_guest_imports_another() -> None:
    violations = []
    for module in filter(guest, MODULES):
        name = guest(module)
        # The weather and roots of equations are of all domains.
        allowed = {name, "", "registries", "weather", "root"}
        # What one kind of task learns from is of one domain.
        allowed |= {"basins": {"hydrology"}, "reaches": {"rivers"}}.get(name, set())
        # Flow is scored alike, whatever it was learned from.
        allowed |= {"streamflow"} if name in {"basins", "reaches"} else set()
        others = {guest(target) for target in imported(module)} - allowed
        violations += [f"{module} imports {other}" for other in others]
    assert not violations


def test_no_module_is_imported_by_a_name_of_the_top_level_links() -> None:
    links = {"models", "trainer", "configs", "benchmarks"}
    violations = [
        f"{module} imports {target}"
        for module in MODULES
        for target in imported(module)
        if target.partition(".")[0] in links
    ]
    assert not violations


def told(code: str, *arguments: str) -> list[str]:
    """Return the words that a new interpreter says when it runs code."""
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


def loaded(statement: str) -> set[str]:
    """Return the modules that a statement loads in a new interpreter."""
    code = f"import sys; before = set(sys.modules); {statement}; "
    code += "print(*sorted(set(sys.modules) - before))"
    return {name.partition(".")[0] for name in told(code)}


def test_importing_the_package_loads_the_standard_library_alone() -> None:
    assert loaded("import bmi_dmx") - {"bmi_dmx"} <= sys.stdlib_module_names


EACH_ALONE = """
import sys
from importlib import import_module
heavy, *modules = sys.argv[1:]
for module in modules:
    # As in a new process, but for libraries that are there already.
    for name in [n for n in sys.modules if n.partition(".")[0] == "bmi_dmx"]:
        del sys.modules[name]
    import_module(module)
    for name in set(heavy.split(",")) & sys.modules.keys():
        print(f"{module}:{name}")
"""


def test_what_operation_needs_is_imported_without_heavy_libraries() -> None:
    assert told(EACH_ALONE, ",".join(HEAVY), *LIGHT) == []


def test_what_does_load_them_is_told() -> None:
    words = told(EACH_ALONE, "numpy,torch", "bmi_dmx.errors", "bmi_dmx.variables")
    assert words == []
    assert told(EACH_ALONE, "numpy,torch", "bmi_dmx.errors", "bmi_dmx.space") == [
        "bmi_dmx.space:numpy"
    ]


def test_help_is_given_without_numerical_libraries() -> None:
    statement = "from bmi_dmx.cli import _parser; _parser().format_help()"
    assert not loaded(statement) & {*HEAVY, "numpy"}


def test_what_exists_is_listed_without_heavy_libraries() -> None:
    statement = "import bmi_dmx; list(bmi_dmx.processes), list(bmi_dmx.networks)"
    assert not loaded(statement) & {*HEAVY, "numpy"}


def test_every_public_name_leads_somewhere() -> None:
    for name in bmi_dmx.__all__:
        assert getattr(bmi_dmx, name) is not None
        assert name in dir(bmi_dmx)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        bmi_dmx.nothing  # noqa: B018


BEFORE = (
    "pass",
    "import bmi_dmx.scan",
    "import bmi_dmx.scan.engine",
    "from bmi_dmx.scan import scan",
    "from bmi_dmx import scan",
    "import bmi_dmx; bmi_dmx.scan",
)

SCANNED = """
import bmi_dmx, torch
from bmi_dmx.models.hydrology.pet import Oudin
from bmi_dmx.scan import scan
forcing = dict(air_temperature=torch.ones(3, 1), day_of_year=torch.ones(3, 1))
for function in (scan, bmi_dmx.scan):
    function(Oudin(), None, forcing, dict(latitude=40.0), backend="reference")
assert bmi_dmx.scan.engine.scan is scan
"""

IN_COPIES = """
import os, sys
import torch._dynamo  # here, since all copies need it
after, *statements = sys.argv[1:]
for statement in statements:
    assert "bmi_dmx" not in sys.modules
    process = os.fork()
    if process == 0:
        exec(statement + after)
        os._exit(0)
    if os.waitpid(process, 0)[1]:
        sys.exit(f"after: {statement}")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be copied here")
def test_scan_is_the_function_whatever_was_imported_before() -> None:
    assert told(IN_COPIES, SCANNED, *BEFORE) == []


def test_the_package_is_called_as_its_function() -> None:
    assert inspect.signature(bmi_dmx.scan) == inspect.signature(scan)
    assert "bmi_dmx.scan.engine.scan" in str(bmi_dmx.scan.__doc__)


def test_the_package_passes_everything_on_to_the_function(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = ScanResult({}, {"x": torch.ones(1)})
    calls = []

    def stand_in(*args: object, **kwargs: object) -> ScanResult:
        calls.append((args, kwargs))
        return result

    monkeypatch.setattr("bmi_dmx.scan.engine.scan", stand_in)
    process = Hbv()
    assert bmi_dmx.scan(process, None, {}, {}, dt=0.5) is result
    assert calls == [((process, None, {}, {}), {"dt": 0.5})]
    assert inspect.ismodule(bmi_dmx.scan)
