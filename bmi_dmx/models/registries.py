"""What a model can be made of, by the names that configurations use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..registry import Registry

if TYPE_CHECKING:
    from ..process import Process
    from .networks.base import Network

__all__ = ["EVAPORATIONS", "evaporations", "networks", "processes"]

processes: Registry[type[Process]] = Registry(
    "process",
    {
        "hbv10": "bmi_dmx.models.hydrology.hbv:Hbv",
        "hbv11p": "bmi_dmx.models.hydrology.hbv:Hbv11p",
    },
    group="bmi_dmx.processes",
)
"""Processes from forcings and potential evaporation to runoff."""

EVAPORATIONS: dict[str, type[Process] | str] = {
    "oudin": "bmi_dmx.models.hydrology.pet:Oudin",
    "hargreaves": "bmi_dmx.models.hydrology.pet:Hargreaves",
    "priestley_taylor": "bmi_dmx.models.hydrology.priestley_taylor:PriestleyTaylor",
    "penman_monteith": "bmi_dmx.models.hydrology.penman_monteith:PenmanMonteith",
}
"""The evaporations of this package, which a component may put before any bundle."""

evaporations: Registry[type[Process]] = Registry(
    "evaporation", EVAPORATIONS, group="bmi_dmx.evaporations"
)
"""Processes without memory that compute potential evaporation."""

networks: Registry[type[Network]] = Registry(
    "network",
    {
        "lstm": "bmi_dmx.models.networks.lstm:Lstm",
        "mlp": "bmi_dmx.models.networks.mlp:Mlp",
    },
    group="bmi_dmx.networks",
)
"""Neural networks."""
