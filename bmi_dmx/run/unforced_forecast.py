"""Any bundle from what was observed before a date, without forcing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from ..bmi.component import Component
from ..bmi.settings import Settings
from ..conversion import refuse_outside
from ..errors import ConfigError
from ..files import atomic
from ..operate.bundle_cache import bundle_named
from ..operate.system import system_of
from .output import Axis, OutputVariable, SeriesFile

__all__ = ["Forecast", "forecast"]


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What to forecast, from what, and how far.

    Parameters
    ----------
    bundle : str
        Name of a bundle that comes with the package, or the folder of one.
    observed : Path
        File of what was observed.
    start : datetime
        Beginning of the first step; nothing that was observed later is read.
    steps : int
        Steps of the bundle.
    output : Path
        CF NetCDF file to write.
    outputs : tuple of str
        What to write, by either of its names; default: what the model answers with.
    names : dict of str to str
        Names in the file by those of the model, where they are none of the usual ones.
    units : str
        Unit system of the outputs.
    """

    bundle: str
    observed: Path
    start: datetime
    steps: int
    output: Path
    outputs: tuple[str, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    units: str = "model"

    def __post_init__(self) -> None:
        refuse_outside("--steps", self.steps, 1)


def forecast(request: Forecast) -> Path:
    """Run a bundle from an observed state.

    Returns
    -------
    Path
        The output.

    Raises
    ------
    ConfigError
        The model needs forcing, or its system has no such start.
    DataError
        What was observed does not reach to the start, or does not suit the model.
    """
    bundle = bundle_named(request.bundle, Path())
    begin = system_of(bundle.manifest.system).observed_start
    component = Component()
    settings = Settings(
        start_time=request.start,
        time_step=bundle.manifest.seconds,
        units=request.units,
        outputs=request.outputs or None,
    )
    component.start(settings, bundle, {})
    inputs = component.get_input_var_names()
    if begin is None or inputs:
        why = f"it needs {', '.join(inputs)}" if inputs else "its state is not observed"
        raise ConfigError(f"--forecast-from: {bundle.name} cannot begin so: {why}")
    begin(component.runner, request.observed, request.start, request.names)
    catalogue = component.catalogue
    entries = [
        entry
        for name in component.get_output_var_names()
        if (entry := catalogue.get(name)) is not None
    ]
    variables = [
        OutputVariable(e.short, e.units, e.about, component.get_var_grid(e.short))
        for e in entries
    ]
    epoch = (request.start - datetime(1970, 1, 1)).total_seconds()
    values: dict[str, list[Any]] = {e.short: [] for e in entries}
    for _ in range(request.steps):
        component.update()
        for name, rows in values.items():
            rows.append(component.get_value_ptr(name).copy())
    with (
        atomic(request.output) as temporary,
        SeriesFile(
            temporary, variables, component.grids.descriptions, component.runner.ids,
            Axis(epoch, bundle.manifest.seconds, request.steps),
            source=component.get_component_name(),
        ) as file,
    ):  # fmt: skip
        file.write(0, {name: np.stack(rows) for name, rows in values.items()})
    return request.output
