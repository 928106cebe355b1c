"""What stands in a configuration file of δMG, under the names of any release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .... import config
from ....conversion import convert
from ....errors import ConfigError

__all__ = ["Dmg", "read"]


@dataclass(frozen=True, kw_only=True)
class Physics:
    """``model.phy``: the process, and which of its parameters change with time."""

    name: tuple[str, ...]
    nmul: int = 1
    dynamic_params: dict[str, tuple[str, ...] | None] | None = None
    warmup_states: bool = True
    dy_drop: float = 0.0
    routing: bool = True
    comprout: bool = False
    nearzero: float = 1e-5
    stat_param_idx: int = -1
    forcings: tuple[str, ...] = ("prcp", "tmean", "pet")
    variables: tuple[str, ...] | None = None
    attributes: tuple[str, ...] | None = ()
    muwts: Any = None
    cache_states: Any = None


@dataclass(frozen=True, kw_only=True)
class NeuralNetwork:
    """``model.nn``: the network."""

    name: str
    hidden_size: int | None = None
    dropout: float | None = None
    forcings: tuple[str, ...] = ()
    attributes: tuple[str, ...] | None = ()
    lstm_hidden_size: Any = None
    lstm_dropout: Any = None
    mlp_hidden_size: Any = None
    mlp_dropout: Any = None
    cache_states: Any = None


@dataclass(frozen=True, kw_only=True)
class DmgModel:
    """``model``: both, windows, and how inputs are normalised."""

    phy: Physics | None = None
    nn: NeuralNetwork | None = None
    rho: int = 365
    warmup: int = 365
    use_log_norm: tuple[str, ...] | None = ()
    flow_regime: str | None = None
    output_unit: str = "mm/d"


@dataclass(frozen=True, kw_only=True)
class Train:
    """``train``: days, loss and optimiser."""

    start_time: str | None = None
    end_time: str | None = None
    target: tuple[str, ...] = ("streamflow",)
    optimizer: str | dict[str, Any] = "Adadelta"
    lr: float = 1.0
    lr_scheduler: str | dict[str, Any] | None = None
    loss_function: str | dict[str, Any] | None = None
    batch_size: int = 100
    epochs: int = 50
    start_epoch: Any = None
    save_epoch: Any = None
    grad_clip: float | None = None
    max_bad_batches: Any = None
    resume_from_checkpoint: Any = None


@dataclass(frozen=True, kw_only=True)
class Test:
    """``test``: days, and the epoch whose weights are scored."""

    start_time: str | None = None
    end_time: str | None = None
    test_epoch: int | None = None
    batch_size: Any = None
    name: Any = None
    type: Any = None


@dataclass(frozen=True, kw_only=True)
class Dmg:
    """A whole file; what is ``Any`` is not read."""

    model: DmgModel
    train: Train = field(default_factory=Train)
    test: Test = field(default_factory=Test)
    seed: int = 0
    multimodel_type: str | None = None
    model_dir: str | None = None
    trained_model: str | None = None
    device: str = "cpu"
    observations: Any = None
    defaults: Any = None
    name: Any = None
    mode: Any = None
    sim: Any = None
    logging: Any = None
    verbose: Any = None
    cache_states: Any = None
    gpu_id: Any = None
    dtype: Any = None
    data_loader: Any = None
    data_sampler: Any = None
    trainer: Any = None
    exp_name: Any = None
    save_path: Any = None
    output_dir: Any = None
    plot_dir: Any = None
    sim_dir: Any = None
    log_dir: Any = None
    out_path: Any = None
    load_state_path: Any = None
    do_tune: Any = None
    tune: Any = None
    hydra: Any = None
    train_time: Any = None
    test_time: Any = None
    sim_time: Any = None
    all_time: Any = None
    experiment_time: Any = None

    @property
    def source(self) -> str:
        """Name of the observations, as far as it is told."""
        if isinstance(self.observations, Mapping) and "name" in self.observations:
            return str(self.observations["name"])
        listed = self.defaults if isinstance(self.defaults, list) else []
        named = [d["observations"] for d in listed if isinstance(d, Mapping)
                 and "observations" in d]  # fmt: skip
        return str(named[0]) if named else "unknown"


_RENAMED = (
    ("delta_model", "model"), ("dpl_model", "model"),
    ("model.phy_model", "model.phy"), ("model.nn_model", "model.nn"),
    ("model.phy.model", "model.phy.name"), ("model.nn.model", "model.nn.name"),
    ("model.nmul", "model.phy.nmul"), ("model.dy_drop", "model.phy.dy_drop"),
    ("model.warm_up", "model.warmup"), ("model.phy.warm_up", "model.warmup"),
    ("model.phy.warmup", "model.warmup"),
    ("model.warm_up_states", "model.phy.warmup_states"),
    ("model.phy.warm_up_states", "model.phy.warmup_states"),
    ("model.phy.dy_params", "model.phy.dynamic_params"),
    ("model.phy.use_log_norm", "model.use_log_norm"),
    ("model.nn.learning_rate", "train.lr"),
    ("model.nn.lr_scheduler", "train.lr_scheduler"),
    ("model.nn.lr_scheduler_params", "train.lr_scheduler_params"),
    ("random_seed", "seed"), ("simulation", "sim"), ("model_path", "model_dir"),
    ("loss_function", "train.loss_function"),
)  # fmt: skip
"""Keys of older releases and what they became, in this order."""

_DROPPED = ("train.lr_scheduler_params",)
"""Keys of older releases that nothing is read from."""


def read(path: Path) -> Dmg:
    """Return what stands in a file.

    Raises
    ------
    ConfigError
        A key is unknown or has a wrong value, or is there under two names that
        contradict each other.
    """
    data = config.read(path)
    if not isinstance(data, Mapping):
        raise ConfigError(f"{path}: expected a mapping of the keys of δMG")
    current = _copied(data)
    for old, new in _RENAMED:
        _move(current, old, new, path)
    for key in _DROPPED:
        block, name = _block(current, key)
        if block is not None:
            block.pop(name, None)
    return convert(current, Dmg, str(path))


def _copied(data: Any) -> Any:
    return (
        {k: _copied(v) for k, v in data.items()} if isinstance(data, Mapping) else data
    )


def _block(data: dict[str, Any], key: str) -> tuple[dict[str, Any] | None, str]:
    """Return the block that a key stands in, and its name there."""
    *above, name = key.split(".")
    block: Any = data
    for part in above:
        block = block.get(part) if isinstance(block, dict) else None
    return (block if isinstance(block, dict) else None), name


def _move(data: dict[str, Any], old: str, new: str, path: Path) -> None:
    """Put what stands under an older name where it stands today."""
    source, name = _block(data, old)
    if source is None or name not in source:
        return
    above = new.rpartition(".")[0]
    if above and _block(data, new)[0] is None:
        _block(data, above)[0].setdefault(above.rpartition(".")[2], {})  # type: ignore[union-attr]
    target, today = _block(data, new)
    if target is None:
        return
    value = source.pop(name)
    if target.setdefault(today, value) != value:
        raise ConfigError(
            f"{path}: {old}: found {value!r:.60}, but {target[today]!r:.60} under its"
            f" newer name {new}; expected one of them"
        )
