"""Settings of the channel routing that must agree with a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..data.geopackage import columns_of
from ..errors import DataError, suggestion

__all__ = ["routing_settings"]

_SUBDIVISIONS = 12
"""Routing steps of 300 s in an hour."""

_LAYER = "flowpath-attributes"

_COLUMNS = {
    "dx": ("length_m",),
    "n": ("n",), "ncc": ("nCC",), "s0": ("So",), "bw": ("BtmWdth",),
    "waterbody": ("rl_NHDWaterbodyComID", "WaterbodyID"), "gages": ("rl_gages", "gage"),
    "tw": ("TopWdth",), "twcc": ("TopWdthCC",), "musk": ("MusK",), "musx": ("MusX",),
    "cs": ("ChSlp",), "alt": ("alt",),
}  # fmt: skip
"""What the router calls a column, and what versions of the hydrofabric call it."""

_IN_FLOWPATHS = {"key": "id", "downstream": "toid", "mainstem": "mainstem"}


def _columns(hydrofabric: Path) -> dict[str, str]:
    titles = {name.lower(): name for name in columns_of(hydrofabric, _LAYER)}
    columns = dict(_IN_FLOWPATHS)
    for key, names in _COLUMNS.items():
        name = next((titles[n.lower()] for n in names if n.lower() in titles), None)
        if name is None:
            hint = suggestion(names[0], titles.values())
            raise DataError(f"{hydrofabric}: {_LAYER}: no column {names[0]!r}{hint}")
        columns[key] = name
    return columns


def routing_settings(hydrofabric: Path, start_time: str, hours: int) -> dict[str, Any]:
    """Return the content of ``troute.yaml`` for a run folder.

    Parameters
    ----------
    hydrofabric : Path
        The GeoPackage; its copy in ``config`` is of the same name.
    start_time : str
        Beginning of the first hour, UTC.
    hours : int
        Number of hours.

    Raises
    ------
    DataError
        When the hydrofabric has no channels, or a column of them is missing.

    Notes
    -----
    The keys that tie the routing to the run are the file of the network, the start,
    ``dt``, ``qts_subdivisions`` (steps in an hour) and ``nts`` (steps in all). Lateral
    inflow is read from the nexus files.
    """
    topology = {
        "supernetwork_parameters": {
            "network_type": "HYFeaturesNetwork",
            "geo_file_path": f"./config/{hydrofabric.name}",
            "columns": _columns(hydrofabric),
        },
        "waterbody_parameters": {"break_network_at_waterbodies": False},
    }
    compute = {
        "parallel_compute_method": "serial",
        "compute_kernel": "V02-structured",
        "assume_short_ts": True,
        "restart_parameters": {"start_datetime": start_time},
        "forcing_parameters": {
            "qts_subdivisions": _SUBDIVISIONS,
            "dt": 3600 // _SUBDIVISIONS,
            "qlat_input_folder": "./outputs/ngen/",
            "qlat_file_pattern_filter": "nex-*",
            "nts": _SUBDIVISIONS * hours,
            "max_loop_size": max(1, hours),
        },
    }
    output = {
        "stream_output": {
            "stream_output_directory": "./outputs/troute/",
            "stream_output_time": hours,
            "stream_output_type": ".nc",
            "stream_output_internal_frequency": 60,
        }
    }
    return {
        "log_parameters": {"showtiming": True, "log_level": "WARNING"},
        "network_topology_parameters": topology,
        "compute_parameters": compute,
        "output_parameters": output,
    }
