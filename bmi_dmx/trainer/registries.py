"""What trainings learn from, by name, and the experiments of the package.

The trainer knows no task: here alone it finds, by name, what the guests in ``tasks``
bring along. Nothing is imported before it is asked for, so that all of it is listed
without PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..registry import Registry

if TYPE_CHECKING:
    from .importing import Importer
    from .task import Task

__all__ = [
    "DEFAULT_TASK",
    "catalogues",
    "checks",
    "configurations",
    "experiments",
    "importers",
    "projects",
    "tasks",
]

DEFAULT_TASK = "basins"
"""The task of an experiment that names none."""

_TASKS = "bmi_dmx.trainer.tasks"

tasks: Registry[type[Task[Any]]] = Registry(
    "task",
    {
        "archive": f"{_TASKS}.archive.task:ArchiveTask",
        "arrays": f"{_TASKS}.arrays.task:ArraysTask",
        "basins": f"{_TASKS}.basins.task:BasinsTask",
        "columns": f"{_TASKS}.columns.task:ColumnsTask",
        "fields": f"{_TASKS}.fields.task:FieldsTask",
        "levels": f"{_TASKS}.fields.levels.task:LevelsTask",
        "reaches": f"{_TASKS}.reaches.task:ReachesTask",
    },
    group="bmi_dmx.tasks",
)
"""Tasks: what a training learns from."""

catalogues: Registry[Registry[Any]] = Registry(
    "catalogue",
    {
        "losses": f"{_TASKS}.streamflow.registries:losses",
        "metrics": f"{_TASKS}.streamflow.metrics:metrics",
    },
)
"""Registries of tasks that experiments can name entries of, by kind."""


importers: Registry[Importer] = Registry(
    "kind of files of others",
    {
        "ddr": f"{_TASKS}.reaches.ddr:imported",
        "dmg": f"{_TASKS}.basins.dmg:imported",
        "neuralhydrology": f"{_TASKS}.basins.neuralhydrology:imported",
    },
    group="bmi_dmx.importers",
)
"""What others wrote that experiments or bundles are made of."""

Check = Callable[[Mapping[str, Any], Callable[[str, str], str], str], None]

checks: Registry[Check] = Registry(
    "task whose data are looked at first",
    {"basins": f"{_TASKS}.basins.preflight:check"},
)
"""What refuses the data of an experiment before PyTorch is loaded, by task: is given
the experiment as plain data, what makes paths absolute, and the name of its file."""

configurations: Registry[Any] = Registry(
    "kind of configuration file",
    {
        "protocol": "bmi_dmx.trainer.protocols.protocol:protocol_schema",
        "search": "bmi_dmx.trainer.tune:Search",
        "twin": "bmi_dmx.assimilation.experiment:Experiment",
        "hindcast": "bmi_dmx.twins.hindcast:Hindcast",
        "hindcast-river": "bmi_dmx.twins.held_out_gauges:HeldOutGauges",
        "realization": "bmi_dmx.ngen.realization_schema:realization_schema",
    },
)
"""Configuration files besides those of experiments and components: what they are read
into, or a function that returns their schema."""

projects: Registry[Callable[[Path, str], None]] = Registry(
    "kind of project", {"basins": f"{_TASKS}.basins.project:write"}
)
"""Projects to begin with: write into an empty folder, under a name."""


def experiments() -> dict[str, Path]:
    """Return the files of the experiments that come with the package, by name."""
    folder = Path(str(files("bmi_dmx.configs") / "experiments"))
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}
