"""A network of days before one of hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...compose.precursors import Transfers
from ...compose.spec import PartSpec
from ...errors import ConfigError
from ...process import SECONDS

__all__ = ["DailyNetwork", "refuse_daily"]


@dataclass(frozen=True, kw_only=True)
class DailyNetwork:
    """The network of the days before the hours, with weights of its own.

    Parameters
    ----------
    forcings : sequence of str
        Forcings it reads, those of days; default: those of the network of hours.
    attributes : sequence of str
        Attributes it reads; default: those of the network of hours.
    network : str
        Registered network; default: that of hours.
    options : mapping of str to object
        What it lets choose, such as ``hidden``, where it differs from that of hours.
    transfer : {"linear", "mlp"}
        What leads from its memory to that of the network of hours: a matrix, or one
        behind a layer of tanh; learned.
    """

    forcings: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    network: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    transfer: Transfers = "linear"

    def part(self, name: str, hours: PartSpec) -> PartSpec:
        """Return the part, before a network of hours of some name."""
        alike = self.network in ("", hours.network)
        return PartSpec(
            network=self.network or hours.network,
            options={**(hours.options if alike else {}), **self.options},
            step=SECONDS["d"],
            before=name,
            transfer=self.transfer,
            forcings=self.forcings or hours.forcings,
            attributes=self.attributes or hours.attributes,
        )


def refuse_daily(key: str, daily: DailyNetwork | None, time_step: str) -> None:
    """Refuse days before steps that are no shorter ones.

    Parameters
    ----------
    key : str
        What messages begin with.
    daily : DailyNetwork, optional
        The network, if there is one.
    time_step : str
        Step that the model is trained at.
    """
    if daily is not None and time_step == "daily":
        raise ConfigError(f"{key}: is for time_step 'hourly', found {time_step!r}")
