"""What stands in a configuration file of DDR, and what its texts refer to."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from .... import config
from ....conversion import convert
from ....errors import ConfigError, suggestion

__all__ = ["Ddr", "Minimums", "read"]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """``data_sources``: paths and addresses."""

    attributes: str | None = None
    geospatial_fabric_gpkg: str | None = None
    conus_adjacency: str | None = None
    statistics: str | None = None
    streamflow: str | None = None
    observations: str | None = None
    forcings: str | None = None
    gages: str | None = None
    gages_adjacency: str | None = None
    target_catchments: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """``experiment``: days, windows and steps."""

    batch_size: int = 1
    start_time: str | date = "1981/10/01"
    end_time: str | date = "1995/09/30"
    checkpoint: str | None = None
    epochs: int = 1
    learning_rate: dict[Any, float] = field(
        default_factory=lambda: {1: 0.005, 3: 0.001}
    )
    rho: int | None = None
    shuffle: bool = True
    warmup: int = 3
    max_area_diff_sqkm: float | None = None


@dataclass(frozen=True, kw_only=True)
class Kan:
    """``kan``: the network of attributes."""

    input_var_names: tuple[str, ...]
    hidden_size: int = 11
    num_hidden_layers: int = 1
    learnable_parameters: tuple[str, ...] = ("n", "q_spatial")
    gate_parameters: tuple[str, ...] = ()
    off_parameters: tuple[str, ...] = ()
    grid: int = 3
    k: int = 3


@dataclass(frozen=True, kw_only=True)
class Lstm:
    """``cuda_lstm``: the network of daily forcing."""

    input_var_names: tuple[str, ...] = ()
    forcing_var_names: tuple[str, ...] = ()
    hidden_size: int = 64
    num_layers: int = 1
    dropout: float = 0.5
    learnable_parameters: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Minimums:
    """``params.attribute_minimums``."""

    discharge: float | None = None
    slope: float | None = None
    velocity: float | None = None
    depth: float | None = None
    bottom_width: float | None = None


@dataclass(frozen=True, kw_only=True)
class Params:
    """``params``: of the physics."""

    attribute_minimums: Minimums = field(default_factory=Minimums)
    parameter_ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    log_space_parameters: tuple[str, ...] | None = None
    defaults: dict[str, float] = field(default_factory=dict)
    use_leakance: bool = False
    tau: int = 3
    save_path: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ddr:
    """A whole file."""

    name: str
    geodataset: Literal["lynker_hydrofabric", "merit"] = "lynker_hydrofabric"
    mode: Literal["training", "testing", "routing"] = "training"
    version: Any = None
    defaults: Any = None
    hydra: Any = None
    device: int | str = 0
    seed: int = 0
    np_seed: int = 1
    s3_region: str | None = None
    data_sources: Sources = field(default_factory=Sources)
    experiment: Run = field(default_factory=Run)
    params: Params = field(default_factory=Params)
    kan: Kan | None = None
    cuda_lstm: Lstm | None = None


def read(path: Path) -> Ddr:
    """Return what stands in a file.

    Texts such as ``${oc.env:NAME,default}`` mean a variable of the environment, and
    ``${key.key}`` another value of the file.

    Raises
    ------
    ConfigError
        A key is unknown or has a wrong value, or a text refers to what is not there.
    """
    data = config.read(path)
    if not isinstance(data, Mapping):
        raise ConfigError(f"{path}: expected a mapping of the keys of DDR")
    return convert(_put_in(data, data, str(path)), Ddr, str(path))


_REFERENCE = re.compile(r"\$\{([^${}]*)\}")
_MOST = 16


def _put_in(value: Any, whole: Mapping[str, Any], where: str) -> Any:
    if isinstance(value, Mapping):
        return {k: _put_in(v, whole, f"{where}: {k}") for k, v in value.items()}
    if isinstance(value, list):
        return [_put_in(v, whole, where) for v in value]
    if not isinstance(value, str):
        return value
    for _ in range(_MOST):
        if not _REFERENCE.search(value):
            return value
        value = _REFERENCE.sub(lambda m: _meant(m[1], whole, where), value)
    raise ConfigError(f"{where}: refers to itself: {value!r:.60}")


def _meant(reference: str, whole: Mapping[str, Any], where: str) -> str:
    kind, colon, rest = reference.partition(":")
    if colon:
        if kind != "oc.env":
            raise ConfigError(f"{where}: found ${{{reference}}}, expected 'oc.env:…'")
        name, comma, default = rest.partition(",")
        text = os.environ.get(name, default if comma else None)
        if text is None:
            raise ConfigError(f"{where}: no {name!r} in the environment")
        return text
    node: Any = whole
    for key in reference.split("."):
        if not isinstance(node, Mapping) or key not in node:
            keys = node if isinstance(node, Mapping) else ()
            hint = suggestion(key, map(str, keys))
            raise ConfigError(f"{where}: ${{{reference}}} is not there{hint}")
        node = node[key]
    return str(node)
