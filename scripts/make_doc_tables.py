"""Write the tables of the documentation anew, from the declarations they describe.

A page holds a table between the comments ``<!-- table: NAME -->`` and ``<!-- end -->``;
what stands between them is replaced. A test fails where a page is out of date.

    python scripts/make_doc_tables.py
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from bmi_dmx import describe
from bmi_dmx.assimilation.operation.settings import AssimilationSettings
from bmi_dmx.bmi.settings import Settings
from bmi_dmx.bmi.table import catalogue
from bmi_dmx.bundle import load_bundle
from bmi_dmx.compose import ModelSpec
from bmi_dmx.compose.spec import Composition, PartSpec
from bmi_dmx.describe import declaration_table
from bmi_dmx.files import atomic
from bmi_dmx.models.ecosystem.leaf import Leaf
from bmi_dmx.models.hydrology.climate import CLIMATE, TOPOGRAPHY
from bmi_dmx.models.hydrology.hbv import Hbv11p
from bmi_dmx.models.hydrology.recipe import Dhbv
from bmi_dmx.models.ocean.column import Column as OceanColumn
from bmi_dmx.models.ocean.column_recipe import ColumnModel
from bmi_dmx.models.ocean.forms import FORMS
from bmi_dmx.models.ocean.hybrid_recipe import HybridOceanModel, NetworkOceanModel
from bmi_dmx.models.ocean.primitive_equations import PrimitiveEquations
from bmi_dmx.models.rivers.component import MuskingumCunge as RiverComponent
from bmi_dmx.models.rivers.muskingum_cunge import MuskingumCunge
from bmi_dmx.models.rivers.settings import RiverSettings
from bmi_dmx.operate.operation import Operation
from bmi_dmx.operate.stages import stages
from bmi_dmx.schema import parameters
from bmi_dmx.trainer.experiment import Experiment as AnyExperiment
from bmi_dmx.trainer.protocols.protocol import Protocol
from bmi_dmx.trainer.tasks.archive.experiment import Experiment as ArchiveExperiment
from bmi_dmx.trainer.tasks.arrays.experiment import Experiment as ArraysExperiment
from bmi_dmx.trainer.tasks.basins.experiment import Experiment
from bmi_dmx.trainer.tasks.columns.experiment import Experiment as ColumnsExperiment
from bmi_dmx.trainer.tasks.fields.levels.experiment import LevelData
from bmi_dmx.trainer.tasks.streamflow.metrics import metrics
from bmi_dmx.trainer.tasks.streamflow.registries import losses

DOCS = Path(__file__).resolve().parents[1] / "docs"
MARKED = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def loss_table() -> str:
    rows = [(f"`{n}`", first_line(losses[n])) for n in losses]
    return table(("loss", "what it is"), rows)


def metric_table() -> str:
    rows = []
    for name in metrics:
        metric = metrics[name]
        ideal = "" if metric.ideal is None else f"{metric.ideal:g}"
        rows.append((f"`{name}`", metric.units, ideal, plain(metric.about)))
    return table(("metric", "units", "ideal", "what it is"), rows)


def attribute_table() -> str:
    rows = [(f"`{a.name}`", a.units, plain(a.about)) for a in (*CLIMATE, *TOPOGRAPHY)]
    return table(("attribute", "units", "what it is"), rows)


def settings_table(kind: type, base: type | None = None) -> str:
    """Return the keys of a block, without those that are known from another one."""
    old = {key for key, *_ in keys(base)} if base is not None else set()
    entries = (entry for entry in keys(kind) if entry[0] not in old)
    rows = [(f"`{key}`", default, text) for key, default, text in entries]
    return table(("key", "default", "what it is"), rows)


def keys(kind: type, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield dotted key, default and meaning of everything a dataclass is made of."""
    described = parameters(kind)
    hints = typing.get_type_hints(kind)
    for field in fields(kind):
        key = f"{prefix}{field.name}"
        yield key, default(field), described[field.name].replace("|", "\\|")
        for inner in dataclasses_in(hints[field.name]):
            # A model is written as its usual recipe is.
            yield from keys(Dhbv if inner is ModelSpec else inner, f"{key}.")


def dataclasses_in(hint: Any) -> list[type]:
    """Return a type, or the members of a union, as far as they are dataclasses."""
    origin = typing.get_origin(hint)
    union = origin in (typing.Union, types.UnionType)
    return [t for t in (typing.get_args(hint) if union else (hint,)) if is_dataclass(t)]


def default(field: Any) -> str:
    """Return a default as YAML would have it; nothing where a block has its own."""
    if field.default is MISSING and field.default_factory is MISSING:
        return "required"
    value = field.default if field.default is not MISSING else field.default_factory()
    if value is None:
        return "none"
    if is_dataclass(value):
        return ""
    if isinstance(value, (list, tuple)):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, str):
        return f"`{value}`" if value else "empty"
    return f"`{value}`"


def first_line(item: Any) -> str:
    return plain(describe.documentation(item).partition("\n")[0])


def plain(text: str) -> str:
    """Return reStructuredText as Markdown that fits into a cell of a table."""
    text = re.sub(r":\w+:`~?\.*(?:[\w.]+\.)?(\w+)`", r"`\1`", text)
    return text.replace("``", "`").replace("|", "\\|")


def river_variable_table() -> str:
    """Return the variables of a component of rivers, without their attributes."""
    return variable_table(RiverComponent.default_bundle)


def variable_table(name: str = "dhbv-conus-daily") -> str:
    """Return the variables of a component, without its attributes."""
    bundle = load_bundle(name)
    seconds = bundle.manifest.seconds
    entries = catalogue(stages(Operation(bundle, seconds, seconds)), ())
    clock = [e for e in entries.of("diagnostic") if e.variable.kind == "forcing"]
    selection = (
        *entries.of("forcing"),
        *clock,
        *entries.of("flux", "state", "parameter"),
    )
    rows = [
        (
            "" if entry.role == "diagnostic" else entry.role,
            f"`{entry.short}`",
            "" if entry.name == entry.short else f"`{entry.name}`",
            entry.units,
            plain(entry.about),
        )
        for entry in selection
    ]
    return table(("role", "name", "standard name", "units", "what it is"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "losses": loss_table,
    "metrics": metric_table,
    "attributes": attribute_table,
    "experiment": lambda: settings_table(Experiment),
    "model": lambda: settings_table(Composition),
    "protocol": lambda: settings_table(Protocol),
    "part": lambda: settings_table(PartSpec),
    "archive": lambda: settings_table(ArchiveExperiment, AnyExperiment),
    "arrays": lambda: settings_table(ArraysExperiment, AnyExperiment),
    "assimilation": lambda: settings_table(AssimilationSettings),
    "component": lambda: settings_table(Settings),
    "river": lambda: settings_table(RiverSettings, Settings),
    "river-variables": river_variable_table,
    "variables": variable_table,
    "hbv11p": lambda: declaration_table(Hbv11p()),
    "leaf": lambda: declaration_table(Leaf()),
    "primitive-equations": lambda: declaration_table(_ocean()),
    "column-options": lambda: settings_table(OceanColumn.Options),
    "column-recipe": lambda: settings_table(ColumnModel),
    "columns": lambda: settings_table(ColumnsExperiment, AnyExperiment),
    "ocean-options": lambda: settings_table(PrimitiveEquations.Options),
    "ocean-forms": lambda: table(
        ("form", "what a network does"), [(f"`{n}`", x) for n, x in FORMS.items()]
    ),
    "ocean-hybrid": lambda: settings_table(HybridOceanModel),
    "ocean-network": lambda: settings_table(NetworkOceanModel),
    "levels-data": lambda: settings_table(LevelData),
    "muskingum-cunge": lambda: declaration_table(MuskingumCunge()),
    "muskingum-cunge-options": lambda: settings_table(MuskingumCunge.Options),
}


def _ocean() -> PrimitiveEquations:
    """Return an ocean with all that can work on it."""
    return PrimitiveEquations(
        {"forced_by": ["wind", "heat", "light", "water", "targets"]}
    )


def renewed(text: str) -> str:
    """Return a page with all its tables as they must be."""
    return MARKED.sub(lambda m: f"{m[1]}{TABLES[m[2]]()}\n{m[3]}", text)


def main() -> None:
    for page in sorted(DOCS.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = renewed(before)
        if after != before:
            with atomic(page) as temporary:
                temporary.write_text(after, encoding="utf-8")
            print(page.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
