"""Components as models of eWaterCycle, which loads them as plug-ins.

Needs ``ewatercycle``; nothing else of the package imports this. Every component of the
package is a model here under its own name, such as ``DeltaHbv``.
"""

from __future__ import annotations

from collections.abc import ItemsView, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml
from ewatercycle.base.model import LocalModel
from grpc4bmi.bmi_optionaldest import OptionalDestBmi
from pydantic import PrivateAttr

import bmi_dmx

from ..bmi import Component
from ..errors import DataError
from ..operate.system import system_of
from ..variables import Forcing
from .netcdf_series import NetcdfSeries

__all__ = ["HostedModel"]

_BLOCK = 512
"""Steps of forcing that are read together."""


class HostedModel(LocalModel):  # type: ignore[misc]
    """A component in the environment of eWaterCycle.

    ``setup`` takes the keys of the configuration of the component. With a forcing it
    begins as that does, unless ``start_time`` says otherwise, ends no later than its
    files, and each update takes the values of its step from the files; variables
    that no file holds are left to ``set_value``.

    Parameters
    ----------
    forcing : ewatercycle.base.forcing.DefaultForcing, optional
        Series of one place, a NetCDF file for each variable.
    """

    bmi_class: type[Component] = Component
    _configuration: dict[str, Any] = PrivateAttr(default_factory=dict)
    _feed: list[_FileForcing] = PrivateAttr(default_factory=list)

    @property
    def parameters(self) -> ItemsView[str, Any]:
        """What was set up, by the keys of the configuration."""
        return self._configuration.items()

    def _make_cfg_file(self, **configuration: Any) -> Path:
        if self.forcing is not None:
            start = {"start_time": _utc(self.forcing.start_time)}
            configuration = start | configuration
        self._configuration = configuration
        path: Path = self._cfg_dir / "component.yaml"
        text = yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True)
        path.write_text(text, encoding="utf-8")
        return path

    def _make_bmi_instance(self) -> OptionalDestBmi:
        return _DatedComponent(self.bmi_class())

    @property
    def component(self) -> Component:
        """The component itself."""
        component: Component = self._bmi.origin
        return component

    def initialize(self, config_file: str) -> None:
        """Initialize the component, and open the files of the forcing.

        Parameters
        ----------
        config_file : str
            As :meth:`setup` returned it.

        Raises
        ------
        DmxError
            When something is wrong with the configuration or with a file.
        """
        super().initialize(config_file)
        if self.forcing is not None:
            folder = Path(self.forcing.directory)
            files = {k: folder / name for k, name in self.forcing.filenames.items()}
            self._feed = _fed(self.component, files)
            self._bmi.until = min(series.end for series in self._feed)

    def update(self) -> None:
        """Make one step, with what the files of the forcing hold for it.

        Raises
        ------
        DataError
            When a file does not reach to the step, or is not of such steps.
        """
        for series in self._feed:
            series.give(self.component)
        super().update()

    def finalize(self) -> None:
        """Let go of the component and of the files."""
        for series in self._feed:
            series.close()
        self._feed = []
        super().finalize()

    def get_value_as_xarray(self, name: str) -> xr.DataArray:
        """Return the values of a variable now.

        Parameters
        ----------
        name : str
            A variable of the component.

        Returns
        -------
        xarray.DataArray
            (time, place) with the names of the places; of grids (time, latitude,
            longitude).
        """
        if "rectilinear" in self._bmi.get_grid_type(self._bmi.get_var_grid(name)):
            field: xr.DataArray = super().get_value_as_xarray(name)
            return field
        ids = list(self.component.runner.ids)
        return xr.DataArray(
            np.asarray(self.get_value(name)).reshape(1, len(ids)),
            coords={"time": [self.time_as_datetime], "place": ids},
            dims=("time", "place"),
            name=name,
            attrs={"units": self._bmi.get_var_units(name)},
        )


class _DatedComponent(OptionalDestBmi):
    """A component whose times are since a date, which is how eWaterCycle reads them.

    It ends where its forcing does.
    """

    origin: Component
    until: datetime | None = None

    def get_time_units(self) -> str:
        """Return the units of time and the date they count from."""
        start = self.origin.runner.clock.start
        return f"{self.origin.get_time_units()} since {start:%Y-%m-%d %H:%M:%S}"

    def get_end_time(self) -> float:
        """Return the end that is configured, or of the forcing if that is earlier."""
        end: float = self.origin.get_end_time()
        if self.until is None:
            return end
        return min(end, (self.until - self.origin.runner.clock.start).total_seconds())


class _FileForcing:
    """One forcing of a component, from one file."""

    def __init__(
        self, forcing: Forcing, path: Path, name: str, component: Component
    ) -> None:
        self._forcing = forcing
        runner = component.runner
        system = system_of(runner.operation.bundle.manifest.system)
        self._series = NetcdfSeries(path, {forcing.name: name}, system)
        try:
            self._series.choose([forcing], {forcing.name: forcing.units})
            self._check(len(runner.ids), runner.clock.seconds)
        except BaseException:
            self._series.close()
            raise
        self._first, self._block = 0, np.empty((0, len(runner.ids)))

    def _check(self, places: int, seconds: float) -> None:
        series = self._series
        if series.seconds != seconds:
            raise DataError(
                f"{series.path}: steps of {series.seconds:g} s, those of the component "
                f"are of {seconds:g} s; time_step says how long they are"
            )
        if len(series.ids) not in (1, places):
            raise DataError(
                f"{series.path}: {self._forcing.name} at {len(series.ids)} places, the "
                f"component has {places}; expected one series for all or one for each"
            )

    @property
    def end(self) -> datetime:
        """End of the last step."""
        series = self._series
        return series.start + timedelta(seconds=series.steps * series.seconds)

    def give(self, component: Component) -> None:
        """Set the value of the step that comes next."""
        series, now = self._series, component.runner.clock.now
        step = round((now - series.start).total_seconds() / series.seconds, 6)
        if step != int(step) or not 0 <= step < series.steps:
            raise DataError(
                f"{series.path}: no step of {self._forcing.name} begins at {now}; "
                f"found {series.steps} steps from {series.start} on"
            )
        at = int(step) - self._first
        if not 0 <= at < len(self._block):
            count = min(_BLOCK, series.steps - int(step))
            self._block = series.read(self._forcing, int(step), count)
            self._first, at = int(step), 0
        values = np.broadcast_to(self._block[at], (len(component.runner.ids),))
        component.set_value(self._forcing.name, np.ascontiguousarray(values))

    def close(self) -> None:
        """Let go of the file."""
        self._series.close()


def __getattr__(name: str) -> Any:
    component: Any = getattr(bmi_dmx, name, None)
    if not (isinstance(component, type) and issubclass(component, Component)):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    class Model(HostedModel):
        bmi_class: type[Component] = component

    Model.__name__ = Model.__qualname__ = name
    Model.__doc__ = component.__doc__
    globals()[name] = Model
    return Model


def _fed(component: Component, files: Mapping[str, Path]) -> list[_FileForcing]:
    """Return what the files of a forcing hold of what a component needs.

    Raises
    ------
    DataError
        When they hold nothing of it.
    """
    operation = component.runner.operation
    system = system_of(operation.bundle.manifest.system)
    fed = []
    for forcing in operation.forcings:
        usual = [f.names for f in system.files if f.variable == forcing.name]
        aliases = [forcing.name, *(name for names in usual for name in names)]
        there = next((name for name in aliases if name in files), None)
        if there is not None:
            fed.append(_FileForcing(forcing, files[there], there, component))
    if not fed:
        required = [forcing.name for forcing in operation.forcings]
        raise DataError(
            f"forcing: found {', '.join(files) or 'no variable'}; the component needs "
            f"{', '.join(required)}"
        )
    return fed


def _utc(moment: str) -> str:
    """Return a moment as configurations have it: without a zone, which is UTC."""
    time = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc).replace(tzinfo=None)
    return time.isoformat(sep=" ")
