"""What a run over a domain needs, whether catchment by catchment or all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..bmi import Component
from ..bmi.settings import COLD, LocationSettings, Settings, settings_from
from ..bmi.steps import operation_of
from ..bundle import Bundle
from ..errors import ConfigError
from ..models.hydrology.equilibrium import NEEDED
from ..models.hydrology.system import HYDROLOGY, evaporation_remark
from ..operate.bundle_cache import bundle_named
from ..operate.system import system_of
from .attributes import Attributes, attributes_of
from .domain import Domain
from .forcing import STEP

__all__ = ["MAIN_OUTPUT", "STARTS", "Setup", "SetupResult", "interesting", "started"]

STARTS = (COLD, *HYDROLOGY.starts)
"""What catchments may start from, beside a saved state."""

MAIN_OUTPUT = "land_surface_water__runoff_depth"

_INTERESTING = {
    MAIN_OUTPUT: "runoff",
    "snowpack__leq_depth": "snow_water_equivalent",
    "land_surface_water_evaporation__volume_flux": "evaporation",
}


@dataclass(frozen=True)
class SetupResult:
    """What was made.

    Parameters
    ----------
    path : Path
        Folder or file.
    catchments, hours : int
    remarks : tuple of str
        What to know before its numbers are trusted.
    """

    path: Path
    catchments: int
    hours: int
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Setup:
    """A model over a domain.

    Parameters
    ----------
    domain : Domain
        Where and when.
    bundle : Bundle
        The model.
    settings : dict
        Settings of a component, all but its locations.
    attributes : Attributes
        What the model wants to know about the catchments.
    """

    domain: Domain
    bundle: Bundle
    settings: dict[str, Any]
    attributes: Attributes

    @classmethod
    def of(
        cls,
        domain: Domain,
        bundle: str,
        *,
        attributes: Path | None = None,
        evaporation: str | None = None,
        state: str | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> Setup:
        """Return how a bundle is run over a domain.

        Parameters
        ----------
        domain : Domain
            From :func:`~bmi_dmx.ngen.domain.open_domain`.
        bundle : str
            Name of a bundle that comes with the package, or the folder of one.
        attributes : Path, optional
            CSV table of attributes, which go before those of the hydrofabric.
        evaporation : str, optional
            Where potential evaporation comes from; default: as the model was trained.
        state : str, optional
            ``cold``, ``equilibrium`` or a state file; default: ``equilibrium`` where
            the model knows enough of the climate.
        settings : mapping of str to object, optional
            More settings of the component, such as ``mode``, ``forcing_policy`` and
            ``day_start_hour``; see :class:`~bmi_dmx.bmi.settings.Settings`.

        Raises
        ------
        ConfigError, DataError, BundleError
            When the model has another step than an hour, or something that is needed
            is not there.
        """
        model = bundle_named(bundle, Path())
        system = model.manifest.system
        if "ngen" not in system_of(system).units:
            raise ConfigError(
                f"bundle {bundle!r} has no units of ngen, for its system is "
                f"{system or 'none'}; dmx run runs it over a file"
            )
        if all(seconds % STEP for seconds in model.manifest.steps):
            raise ConfigError(f"bundle {bundle!r} cannot be run with a step of an hour")
        options: dict[str, Any] = {
            **(settings or {}),
            "bundle": str(Path(bundle).resolve()) if Path(bundle).is_dir() else bundle,
            "time_step": "hourly",
            "units": "ngen",
            "start_time": domain.start_time,
            "state": _state(model, state),
        }
        if evaporation is not None:
            options["evaporation"] = evaporation
        typed = _typed(options, model)
        operation, policy = operation_of(typed, model), typed.forcing_policy
        properties = attributes_of(
            operation, domain.hydrofabric, domain.forcing, attributes, policy
        )
        return cls(domain, model, options, properties)

    def started(self) -> Component:
        """Return a component with a location for every catchment, ready to step."""
        attributes = self.attributes
        return started(self.bundle, self.settings, attributes.ids, attributes.values)

    def done(self, path: Path) -> SetupResult:
        """Return what was made with this, and what to know about it."""
        begin = f"catchments start from state {self.settings['state']!r}"
        remarks = (*self.domain.remarks, *self.attributes.remarks)
        if self.bundle.manifest.system == HYDROLOGY.name:
            evaporation = self.settings.get("evaporation")
            remarks = (*remarks, evaporation_remark(self.bundle, evaporation))
        return SetupResult(
            path, len(self.domain.ids), self.domain.steps, (*remarks, begin)
        )


def started(
    bundle: Bundle,
    settings: Mapping[str, Any],
    ids: Sequence[str],
    values: Mapping[str, Any],
) -> Component:
    """Return a component with a location for each of some catchments.

    Parameters
    ----------
    bundle : Bundle
        The model.
    settings : mapping of str to object
        As of :class:`Setup`.
    ids : sequence of str
        The catchments.
    values : mapping of str to ndarray
        (catchment,) attributes by name.
    """
    places = LocationSettings(ids=tuple(ids))
    component = Component()
    component.start(
        replace(_typed(settings, bundle), locations=places), bundle, dict(values)
    )
    return component


def _typed(settings: Mapping[str, Any], model: Bundle) -> Settings:
    """Return settings as a component has them."""
    return settings_from(settings, system_of(model.manifest.system), model.name)


def _state(model: Bundle, state: str | None) -> str:
    if state is None:
        names = {attribute.name for attribute in model.manifest.attributes}
        return "equilibrium" if names >= set(NEEDED) else COLD
    if state in STARTS:
        return state
    if not Path(state).is_file():
        raise ConfigError(f"state: {state}: no such file")
    return str(Path(state).resolve())


def interesting(component: Component) -> dict[str, str]:
    """Return the published outputs that most users want, each with a short title."""
    published: Sequence[str] = component.get_output_var_names()
    return {n: title for n, title in _INTERESTING.items() if n in published}
