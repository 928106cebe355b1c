"""What models are made of, by the names that configurations use.

The general rooms of the package know no domain; here alone they find, by name, what the
guests in ``models`` bring along. Nothing is imported before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .assimilation.filters import Filter, WindowFilter
    from .assimilation.operation.series import ObservedSeries
    from .bundle.upgrades import Upgrade
    from .compose.spec import Recipe
    from .networks.base import Network
    from .operate.system import Dialect, System
    from .process import Process

__all__ = [
    "DEFAULT_RECIPE",
    "dialects",
    "filters",
    "networks",
    "observation_files",
    "processes",
    "recipes",
    "systems",
    "upgrades",
]

_CHAOS = "bmi_dmx.models.chaos"
_HYDROLOGY = "bmi_dmx.models.hydrology"
_GAUGES = "bmi_dmx.models.gauges"
_OCEAN = "bmi_dmx.models.ocean"
_RIVERS = "bmi_dmx.models.rivers"
_FILTERS = "bmi_dmx.assimilation.filters"

processes: Registry[type[Process]] = Registry(
    "process",
    {
        "analysis": "bmi_dmx.compose.analysis:Analysis",
        "hbv10": f"{_HYDROLOGY}.hbv:Hbv",
        "hbv11p": f"{_HYDROLOGY}.hbv:Hbv11p",
        "hbv20": f"{_HYDROLOGY}.hbv20:Hbv20",
        "hbv20_hourly": f"{_HYDROLOGY}.hbv_hourly:Hbv20Hourly",
        "hbv21_hourly": f"{_HYDROLOGY}.hbv_hourly:Hbv21Hourly",
        "hbv_implicit": f"{_HYDROLOGY}.hbv_implicit:HbvImplicit",
        "gr4j": f"{_HYDROLOGY}.gr4j:Gr4j",
        "gr4j_cemaneige": f"{_HYDROLOGY}.after_snow:Gr4jCemaNeige",
        "cemaneige": f"{_HYDROLOGY}.cemaneige:CemaNeige",
        "sac_sma": f"{_HYDROLOGY}.sac_sma:SacSma",
        "sac_sma_snow17": f"{_HYDROLOGY}.after_snow:SacSmaSnow17",
        "snow17": f"{_HYDROLOGY}.snow17:Snow17",
        "oudin": f"{_HYDROLOGY}.pet:Oudin",
        "hargreaves": f"{_HYDROLOGY}.pet:Hargreaves",
        "priestley_taylor": f"{_HYDROLOGY}.priestley_taylor:PriestleyTaylor",
        "evaporative_demand": f"{_HYDROLOGY}.demand:EvaporativeDemand",
        "penman_monteith": f"{_HYDROLOGY}.penman_monteith:PenmanMonteith",
        "undercatch": f"{_HYDROLOGY}.undercatch:Undercatch",
        "precipitation_blend": f"{_HYDROLOGY}.blend:PrecipitationBlend",
        "unit_hydrograph": f"{_HYDROLOGY}.unit_hydrograph:UnitHydrograph",
        "lagged_unit_hydrograph": (
            f"{_HYDROLOGY}.lagged_hydrograph:LaggedUnitHydrograph"
        ),
        "direct_outlet": f"{_HYDROLOGY}.outlet:DirectOutlet",
        "learned_flow": f"{_HYDROLOGY}.learned_flow:LearnedFlow",
        "depth_to_volume": f"{_HYDROLOGY}.outlet:DepthToVolume",
        "models_mean": "bmi_dmx.compose.models_mean:ModelsMean",
        "remaining_error": "bmi_dmx.compose.remaining_error:RemainingError",
        "column": f"{_OCEAN}.column:Column",
        "primitive_equations": (f"{_OCEAN}.primitive_equations:PrimitiveEquations"),
        "leaf": "bmi_dmx.models.ecosystem.leaf:Leaf",
        "surface_anomaly": f"{_OCEAN}.surface_anomaly:SurfaceAnomaly",
        "surface_currents": f"{_OCEAN}.surface_currents:SurfaceCurrents",
        "hybrid_ocean": f"{_OCEAN}.hybrid:HybridOcean",
        "network_ocean": f"{_OCEAN}.hybrid_network:NetworkOcean",
        "inflow_lag": f"{_RIVERS}.lag:InflowLag",
        "muskingum_cunge": f"{_RIVERS}.muskingum_cunge:MuskingumCunge",
        "lorenz_63": f"{_CHAOS}.lorenz_63:Lorenz63",
        "lorenz_96": f"{_CHAOS}.lorenz_96:Lorenz96",
        "two_level_lorenz": f"{_CHAOS}.two_level_lorenz:TwoLevelLorenz",
        "vissio_lucarini": f"{_CHAOS}.vissio_lucarini:VissioLucarini",
        "kuramoto_sivashinsky": (f"{_CHAOS}.kuramoto_sivashinsky:KuramotoSivashinsky"),
    },
    group="bmi_dmx.processes",
)
"""Physics: one time step over declared variables."""

networks: Registry[type[Network]] = Registry(
    "network",
    {
        "amenf_conv": "bmi_dmx.networks.amenf:AmenfConvolution",
        "amenf_mlp": "bmi_dmx.networks.amenf:AmenfMlp",
        "afno": "bmi_dmx.networks.afno:Afno",
        "constant": "bmi_dmx.networks.constant:Constant",
        "conv": "bmi_dmx.networks.conv:Convolution",
        "convlstm": "bmi_dmx.networks.frames:ConvLstm",
        "kan": "bmi_dmx.networks.kan:Kan",
        "local_mlp": "bmi_dmx.networks.local_mlp:LocalMlp",
        "lstm": "bmi_dmx.networks.lstm:Lstm",
        "lstm_heads": "bmi_dmx.networks.lstm_heads:LstmHeads",
        "lstm_settled": "bmi_dmx.networks.lstm_settled:LstmSettled",
        "maps": "bmi_dmx.networks.maps:Maps",
        "mlp": "bmi_dmx.networks.mlp:Mlp",
        "residual_conv": "bmi_dmx.networks.residual_conv:ResidualConvolution",
        "simvp": "bmi_dmx.networks.frames:SimVp",
        "ste": "bmi_dmx.networks.ste:Ste",
        "transformer": "bmi_dmx.networks.transformer:Transformer",
        "unet": "bmi_dmx.networks.unet:UNet",
    },
    group="bmi_dmx.networks",
)
"""Neural networks."""

filters: Registry[type[Filter] | type[WindowFilter]] = Registry(
    "filter",
    {
        "amortized": f"{_FILTERS}.amortized:Amortized",
        "aenkf": f"{_FILTERS}.lagged:Aenkf",
        "denkf": f"{_FILTERS}.enkf:DEnkf",
        "enkf": f"{_FILTERS}.enkf:Enkf",
        "enkf_n": f"{_FILTERS}.enkf_n:EnkfN",
        "enks": f"{_FILTERS}.lagged:Enks",
        "etkf": f"{_FILTERS}.etkf:Etkf",
        "ienks": f"{_FILTERS}.ienks:Ienks",
        "letkf": f"{_FILTERS}.etkf:Letkf",
        "nudging": f"{_FILTERS}.static:Nudging",
        "oi": f"{_FILTERS}.static:Interpolation",
        "particle": f"{_FILTERS}.particles:ParticleFilter",
        "var4d": f"{_FILTERS}.var4d:Var4d",
    },
    group="bmi_dmx.filters",
)
"""What turns a forecast ensemble and observations into an analysis."""

observation_files: Registry[Callable[[Path], ObservedSeries]] = Registry(
    "format of observations",
    {
        "table": "bmi_dmx.assimilation.operation.series:read_observations",
        "usgs-rdb": f"{_GAUGES}.rdb:read_rdb",
        "usgs-json": f"{_GAUGES}.water_json:read_json",
        "t-route-timeslice": f"{_GAUGES}.timeslice:read_timeslice",
    },
    group="bmi_dmx.observation_files",
)
"""What reads observations from files, for runs without a host that brings them."""

recipes: Registry[type[Recipe]] = Registry(
    "recipe",
    {
        "column": f"{_OCEAN}.column_recipe:ColumnModel",
        "dhbv": f"{_HYDROLOGY}.recipe:Dhbv",
        "lstm": f"{_HYDROLOGY}.learned_flow:NetworkFlow",
        "primitive_ocean": f"{_OCEAN}.ocean_recipe:PrimitiveOceanModel",
        "surface_anomaly": f"{_OCEAN}.recipe:SurfaceAnomalyModel",
        "surface_currents": f"{_OCEAN}.recipe:SurfaceCurrentsModel",
        "ocean_hybrid": f"{_OCEAN}.hybrid_recipe:HybridOceanModel",
        "ocean_network": f"{_OCEAN}.hybrid_recipe:NetworkOceanModel",
    },
    group="bmi_dmx.recipes",
)
"""Short ways to write usual models."""

DEFAULT_RECIPE = "dhbv"
"""What a model is that names neither its parts nor a recipe."""

systems: Registry[System] = Registry(
    "system",
    {
        "hydrology": f"{_HYDROLOGY}.system:HYDROLOGY",
        "ocean": f"{_OCEAN}.system:OCEAN",
        "rivers": f"{_RIVERS}.system:RIVERS",
    },
    group="bmi_dmx.systems",
)
"""What is special about models of one domain when hosts step them."""

upgrades: Registry[Upgrade] = Registry(
    "upgrade of format", {"1": f"{_HYDROLOGY}.format_1:FORMAT_1"}
)
"""From a format of bundles to the next; the first knew one kind of model."""

dialects: Registry[Dialect] = Registry(
    "dialect", {"ngiab": f"{_HYDROLOGY}.ngiab:NGIAB"}, group="bmi_dmx.dialects"
)
"""Configuration files of components that others write."""
