"""The models that δMG trains, by the names of the parts and parameters here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ....errors import ConfigError, suggestion
from .dmg_file import Dmg, NeuralNetwork, Physics

__all__ = ["ATTRIBUTES", "CODES", "FORCINGS", "NETWORK", "TrainedModel"]

NETWORK = "dynamic"
"""Name of the network among the parts."""

FORCINGS = {
    "prcp": "precipitation", "tmean": "air_temperature", "pet": "potential_evaporation"
}  # fmt: skip
"""Names of forcings there and here."""

ATTRIBUTES = {"area_gages2": "area_km2", "elev_mean": "elevation_mean"}
"""Names of attributes there and here, where they differ."""

CODES = ("dom_land_cover", "geol_1st_class", "geol_2nd_class")
"""Attributes that are classes, and numbers there."""

FLOW = ("streamflow", "flow_sim", "runoff")
"""Names of the flow at the outlet."""

_COMMON = {
    "parBETA": "beta", "parFC": "fc", "parK0": "k0", "parK1": "k1", "parK2": "k2",
    "parLP": "lp", "parPERC": "perc", "parUZL": "uzl", "parTT": "tt",
    "parCFMAX": "cfmax", "parCFR": "cfr", "parCWH": "cwh",
}  # fmt: skip
_EVAPORATION = {"parBETAET": "betaet"}
_ROUTING = ("routing_a", "routing_b")


class _Variant(NamedTuple):
    """One model: process, and its parameters in the order of the channels."""

    process: str
    parameters: dict[str, str]
    optional: tuple[str, ...] = ()
    """Those that are there where they change with time, and nowhere else."""


VARIANTS = {
    "hbv": _Variant("hbv10", {**_COMMON, **_EVAPORATION}, ("parBETAET",)),
    "hbv11p": _Variant("hbv11p", {**_COMMON, **_EVAPORATION, "parC": "c"}),
}
"""By the name of the class there, in small letters and without ``_``."""

OTHERS = {
    "hbv2": "hbv20", "hbv20": "hbv20", "hbv2hourly": "hbv20_hourly",
    "hbv21hourly": "hbv21_hourly", "hbv2mts": "hbv20", "hbvadj": "hbv_implicit",
}  # fmt: skip
"""Processes here with the equations of models whose weights are not read."""


class TrainedModel:
    """What a file says of the model, checked, and as the parts of one here.

    Parameters
    ----------
    path : Path
        The file, for messages.
    file : Dmg
        What stands in it.

    Raises
    ------
    ConfigError
        A key asks for what is not taken over; says what is.
    """

    def __init__(self, path: Path, file: Dmg) -> None:
        self.path, self.file = path, file
        if file.model.phy is None or file.model.nn is None:
            raise ConfigError(
                f"{path}: model: expected 'phy' and 'nn', a process and the network of"
                " its parameters; a network alone is trained here by 'recipe: lstm'"
            )
        self.physics: Physics = file.model.phy
        self.network: NeuralNetwork = file.model.nn
        self.variant = self._variant()
        self._refuse()
        self.dynamic = self._dynamic()
        self.forcings = tuple(
            self._one_of("model.nn.forcings", name, FORCINGS)
            for name in self.network.forcings
        )
        self.attributes = tuple(
            ATTRIBUTES.get(name, name) for name in self.network.attributes or ()
        )
        self._refuse_inputs()

    # What is there

    @property
    def version(self) -> str:
        """Number of the published model."""
        return {"hbv10": "1.0", "hbv11p": "1.1p"}[self.variant.process]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameters of the process that the network gives, in their order."""
        return tuple(
            here
            for there, here in self.variant.parameters.items()
            if there not in self.variant.optional or here in self.dynamic
        )

    @property
    def gives(self) -> tuple[str, ...]:
        """All that the network gives, in the order of its channels."""
        return (*self.parameters, *(_ROUTING if self.physics.routing else ()))

    @property
    def constants(self) -> tuple[str, ...]:
        """What of it is read at the end of a window."""
        return tuple(name for name in self.gives if name not in self.dynamic)

    @property
    def channels(self) -> int:
        """Outputs of the network."""
        routed = len(self.gives) - len(self.parameters)
        return len(self.parameters) * self.physics.nmul + routed

    @property
    def inputs(self) -> dict[str, str]:
        """Names of what the network reads, here and there, in its order."""
        there = (*self.network.forcings, *(self.network.attributes or ()))
        return dict(zip((*self.forcings, *self.attributes), there, strict=True))

    @property
    def transforms(self) -> dict[str, str]:
        """Transforms of inputs before they are standardised."""
        logarithmic = self.file.model.use_log_norm or ()
        return {
            here: "log_sqrt" for here, there in self.inputs.items()
            if there in logarithmic
        }  # fmt: skip

    @property
    def warmup(self) -> str:
        """What constants are in the warm-up, as ``window_warmup`` says it."""
        if not self.physics.warmup_states:
            return "shared"
        # Of 1.0 nothing changes in it.
        return "constant" if self.variant.process == "hbv10" else "apart"

    def block(self, hidden: int, dropout: float = 0.0) -> dict[str, Any]:
        """Return the ``model`` block of an experiment.

        Parameters
        ----------
        hidden : int
            Width of the network.
        dropout : float
            Share of its outputs silenced in training.
        """
        network = {
            "network": "lstm",
            "options": {"hidden": hidden, **({"dropout": dropout} if dropout else {})},
            "forcings": list(self.forcings),
            "attributes": list(self.attributes),
            "gives": list(self.gives),
            "window_end": list(self.constants),
            "window_warmup": self.warmup,
            **({"drop": self.physics.dy_drop} if self.physics.dy_drop else {}),
        }
        outlet: dict[str, Any] = {"process": "direct_outlet"}
        if self.physics.routing:
            outlet = {"process": "unit_hydrograph", "options": {"varying": True}}
        return {
            "seconds": 86400,
            "steps": [3600],
            "system": "hydrology",
            "transforms": self.transforms,
            "answers": ["streamflow"],
            "parts": {
                NETWORK: network,
                "land": {
                    "process": self.variant.process, "members": self.physics.nmul
                },
                "outlet": outlet,
                "volume": {"process": "depth_to_volume"},
            },
        }  # fmt: skip

    # What is said of it

    def remarks(self) -> Iterator[str]:
        """Yield what is other here, whether it was trained or is to be."""
        yield (
            "model.phy.nearzero: stores are not kept above "
            f"{self.physics.nearzero:g} mm and may become empty; flow differs by less "
            "than 1e-4 mm d-1"
        )
        yield (
            "model.phy.routing: water on its way is state and goes on after a warm-up;"
            " there a run begins with none, so that its first 14 days lack it"
        )
        for here, there in self.inputs.items():
            if here in ATTRIBUTES.values() and here != there:
                yield f"model.nn.attributes: {there} is {here}"
        codes = [name for name in CODES if name in self.attributes]
        if codes:
            yield (
                f"model.nn.attributes: {', '.join(codes)} are codes of classes; give"
                " the numbers of the data it was trained on"
            )
        if self.file.model.output_unit != "mm/d":
            yield (
                f"model.output_unit: {self.file.model.output_unit} has no effect; "
                "streamflow is mm d-1, and its volume an output beside it"
            )
        if self.physics.dy_drop:
            yield (
                "model.phy.dy_drop: drawn in training alone; there in every run, so "
                "that two runs differ"
            )

    # What is refused

    def _variant(self) -> _Variant:
        names = self.physics.name
        kind = str(self.file.multimodel_type or "none").lower()
        if kind != "none" or len(names) != 1:
            raise ConfigError(
                f"{self.path}: model.phy.name: found {', '.join(names) or 'none'} "
                f"(multimodel_type {kind!r}), expected one model; import each, and run"
                " them as one by dmx combine"
            )
        key = names[0].lower().replace("_", "").replace(".", "")
        if key in VARIANTS:
            return VARIANTS[key]
        there = OTHERS.get(key)
        hint = (
            f"; {there!r} has its equations, to be trained here" if there
            else suggestion(names[0], ("Hbv", "Hbv_1_1p"))
        )  # fmt: skip
        raise ConfigError(
            f"{self.path}: model.phy.name: found {names[0]!r}, expected Hbv (1.0) or"
            f" Hbv_1_1p{hint}"
        )

    def _refuse(self) -> None:
        """Refuse networks, options and targets that the model here would not have."""
        network = self.network.name.lower()
        for wrong, key, expected, why in (
            (network not in ("cudnnlstmmodel", "lstmmodel", "cudnnlstm", "lstm"),
             "model.nn.name", "CudnnLstmModel or LstmModel", ""),
            (self.physics.comprout, "model.phy.comprout", "false",
             "; members are averaged before they are routed"),
            (self.physics.muwts is not None, "model.phy.muwts", "nothing",
             "; 'member_weights: learned' of a part weighs every flux alike"),
            (self.physics.stat_param_idx != -1, "model.phy.stat_param_idx", "-1", ""),
            (bool(self.physics.attributes), "model.phy.attributes", "none", ""),
            (str(self.file.model.flow_regime or "none").lower() != "none",
             "model.flow_regime", "none", "; a process answers in mm d-1"),
            (len(self.file.train.target) != 1 or self.file.train.target[0] not in FLOW,
             "train.target", f"one of {', '.join(FLOW)}", ""),
            (self.physics.nmul < 1, "model.phy.nmul", "1 or more", ""),
        ):  # fmt: skip
            if wrong:
                value = self._at(key)
                raise ConfigError(
                    f"{self.path}: {key}: found {value}, expected {expected}{why}; "
                    "nothing else is taken over"
                )
        read = self.physics.variables or self.physics.forcings
        if sorted(read) != sorted(FORCINGS):
            raise ConfigError(
                f"{self.path}: model.phy.forcings: found {', '.join(read) or 'none'}, "
                f"expected {', '.join(FORCINGS)}"
            )

    def _at(self, key: str) -> str:
        value: Any = self.file
        for name in key.split("."):
            value = getattr(value, name)
        if isinstance(value, tuple):
            return ", ".join(map(str, value)) or "none"
        return f"{value!r:.60}"

    def _refuse_inputs(self) -> None:
        """Refuse a network that reads nothing, one thing twice, or what has no name."""
        if not self.forcings:
            raise ConfigError(f"{self.path}: model.nn.forcings: expected at least one")
        names = (*self.forcings, *self.attributes)
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"{self.path}: model.nn: {name!r} is read twice")
            if not name.isidentifier():
                raise ConfigError(
                    f"{self.path}: model.nn.attributes: found {name!r}, expected "
                    "letters, digits and '_'"
                )
        there = set(self.inputs.values())
        for name in self.file.model.use_log_norm or ():
            # Of the flow it is no matter, for that is not normalised.
            if name not in there and name not in (*FLOW, *FORCINGS):
                raise ConfigError(
                    f"{self.path}: model.use_log_norm: {name!r} is no input of the"
                    f" network{suggestion(name, there)}"
                )

    def _dynamic(self) -> tuple[str, ...]:
        """Return the parameters that change with time."""
        by_model: Mapping[str, tuple[str, ...] | None] = (
            self.physics.dynamic_params or {}
        )
        (model,) = self.physics.name
        for name in by_model:
            if name != model:
                raise ConfigError(
                    f"{self.path}: model.phy.dynamic_params: found {name!r}, expected"
                    f" {model!r}, the model"
                )
        return tuple(
            self._one_of("model.phy.dynamic_params", name, self.variant.parameters)
            for name in by_model.get(model) or ()
        )

    def _one_of(self, key: str, name: str, names: Mapping[str, str]) -> str:
        if name not in names:
            raise ConfigError(
                f"{self.path}: {key}: unknown {name!r}{suggestion(name, names)}; "
                f"expected {_listed(names)}"
            )
        return names[name]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
