"""From the depth of water over a basin to what leaves it."""

from __future__ import annotations

from types import SimpleNamespace

from torch import Tensor

from ...process import Budget, Process
from ...variables import Flux, Forcing, Parameter
from . import climate
from .forcings import PRECIPITATION

__all__ = ["AREA", "RUNOFF", "STREAMFLOW", "DepthToVolume", "DirectOutlet"]

RUNOFF = Forcing(
    name="runoff", symbol="q", units="mm d-1", per_step="rate",
    about="runoff of the land surface", bounds=PRECIPITATION.bounds,
    standard_name="land_surface_water_runoff__volume_flux",
)  # fmt: skip

STREAMFLOW = Flux(
    name="streamflow", symbol="Q", units="mm d-1", per_step="rate",
    about="runoff at the outlet, over the area",
)  # fmt: skip

AREA = Parameter(
    name="area_km2", symbol="A", units="km2", bounds=climate.AREA.bounds, per="place",
    source="attribute", optional=True, about="area of the location",
)  # fmt: skip

_M3_PER_S = 1e3 / 86400.0  # m3 s-1 in a mm per day over a km2


class DirectOutlet(Process):
    """Runoff that reaches the outlet in the step that makes it."""

    about = "runoff that reaches the outlet at once"
    forcings = (RUNOFF,)
    fluxes = (STREAMFLOW,)
    budgets = (Budget(("runoff",), ("streamflow",), (), name="water", units="mm"),)

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state, and the runoff as streamflow."""
        return {}, {"streamflow": f.runoff}


class DepthToVolume(Process):
    """Streamflow over the area as the depth of a step, and as a volume in time."""

    about = "streamflow as a depth in a step, and as a volume in time"
    forcings = (
        Forcing(
            name="streamflow", symbol="Q", units="mm d-1", per_step="rate",
            about="runoff at the outlet, over the area", bounds=PRECIPITATION.bounds,
        ),
    )  # fmt: skip
    parameters = (AREA,)
    fluxes = (
        Flux(
            name="runoff_depth", symbol="q", units="mm", per_step="amount",
            about="runoff at the outlet in one step",
            standard_name="land_surface_water__runoff_depth",
        ),
        Flux(
            name="runoff_volume", symbol="V", units="m3 s-1",
            about="runoff at the outlet, of all the area",
            standard_name="land_surface_water__runoff_volume_flux",
        ),
    )  # fmt: skip

    def at(self, dt: float) -> DepthToVolume:
        """Return the process for steps of ``dt`` days."""
        timed = DepthToVolume(self.options)
        timed.dt = dt
        return timed

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state, the depth and the volume of the step."""
        volume = f.streamflow / self.dt * p.area_km2 * _M3_PER_S
        return {}, {"runoff_depth": f.streamflow, "runoff_volume": volume}
