"""Run folders of NeuralHydrology: streamflow by one LSTM, taken over as it is.

NeuralHydrology (Kratzert et al. 2022, doi:10.21105/joss.04050) keeps a run as
``config.yml``, weights by epoch, and the moments that inputs were standardised by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from .... import config
from ....compose import Model, Moments, Statistics
from ....compose.spec import ModelSpec
from ....conversion import convert
from ....errors import ConfigError, DataError
from ....models.hydrology.forcings import FORCINGS
from ....units import unknown
from ...foreign_weights import put_in, read_weights
from ...importing import ImportedModel

__all__ = ["imported"]

NAMES = {
    "prcp": "precipitation", "precipitation": "precipitation",
    "total_precipitation_sum": "precipitation",
    "tmean": "air_temperature", "temperature_2m_mean": "air_temperature",
    "tmin": "air_temperature_min", "temperature_2m_min": "air_temperature_min",
    "tmax": "air_temperature_max", "temperature_2m_max": "air_temperature_max",
    "pet": "potential_evaporation", "srad": "shortwave_radiation",
    "potential_evaporation_sum": "potential_evaporation",
}  # fmt: skip
"""Names of inputs there, in small letters, and here."""

UNITS = {
    "mm/day": "mm d-1", "mm/d": "mm d-1", "mm": "mm d-1", "c": "degC", "°c": "degC",
    "w/m2": "W m-2", "pa": "Pa", "s": "s",
}  # fmt: skip
"""Units there, in small letters, and here; of a day, where they are amounts of one."""

TARGETS = ("qobs(mm/d)", "qobs(mm/day)", "qobs_mm_per_day", "streamflow")
"""Names, in small letters, of flow in mm per day."""

WEIGHTS = {
    **{
        f"lstm.{name}_l0": f"dynamic.network.lstm.{name}_l0"
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    },
    **{
        f"head.net.0.{name}": f"dynamic.network.output.{name}"
        for name in ("weight", "bias")
    },
}
"""Names of arrays there and here."""

_NAMED = re.compile(r"([^()]+?)\s*(?:\(([^()]*)\))?(?:_(\w+))?")

_NONE = (
    "autoregressive_inputs", "evolving_attributes", "hydroatlas_attributes",
    "mass_inputs", "hindcast_inputs", "forecast_inputs", "statics_embedding",
    "dynamics_embedding", "nan_handling_method", "duplicate_features",
    "lagged_features",
    "random_holdout_from_dynamic_features", "use_basin_id_encoding", "timestep_counter",
)  # fmt: skip
"""Keys that change what the network reads, of which nothing is taken over."""


def imported(path: Path) -> ImportedModel:
    """Return the model of a run folder.

    Raises
    ------
    ConfigError
        The configuration asks for what is not taken over; names file, key, what was
        found and what was expected.
    DataError
        Weights or moments are missing, or do not fit the configuration.
    """
    return _Run(path).imported()


class _Run:
    """One run folder on its way into a model, and what is said of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "config.yml"
        if not folder.is_dir():
            raise ConfigError(f"{folder}: expected the folder of a run")
        settings = config.read(self.file)
        if not isinstance(settings, Mapping):
            raise ConfigError(f"{self.file}: expected a mapping")
        self.config: Mapping[str, Any] = settings
        self.remarks: list[str] = []
        self.others: dict[str, str] = {}

    def imported(self) -> ImportedModel:
        self._refuse()
        there = self._listed("dynamic_inputs")
        if not there:
            raise ConfigError(f"{self.file}: dynamic_inputs: expected at least one")
        forcings = self._forcings(there)
        attributes = sorted(self._listed("static_attributes"))
        weights = self._weights()
        hidden = weights["lstm.weight_hh_l0"].shape[-1]
        spec = convert(
            {
                "recipe": "lstm",
                "forcings": forcings,
                "others": self.others,
                "attributes": attributes,
                "options": {"hidden": hidden, "forget_bias": 0.0},
                "time_step": self._time_step(),
            },
            ModelSpec,
        )
        statistics = self._statistics(there, forcings, attributes)
        model = Model(spec, Statistics(statistics)).float()
        put_in(model, weights, WEIGHTS, self.trained)
        self._remark()
        return ImportedModel(
            model=model.eval(),
            name=str(self.config.get("experiment_name") or self.folder.name),
            about="Streamflow by an LSTM trained with NeuralHydrology",
            provenance={
                "run": self.folder.name,
                "epoch": self.epoch,
                "seeds": [self.config.get("seed")],
                "version": str(self.config.get("package_version", "unknown")),
                "dataset": str(self.config.get("dataset", "unknown")),
            },
            remarks=tuple(self.remarks),
        )

    # What is taken over

    def _expect(self, key: str, *expected: str, usual: str = "") -> None:
        setting = str(self.config.get(key) or usual).lower()
        if setting not in expected:
            raise ConfigError(
                f"{self.file}: {key}: found {setting or 'nothing'!r}, expected "
                f"{' or '.join(map(repr, expected))}; nothing else is taken over"
            )

    def _listed(self, key: str) -> list[str]:
        """Return what is listed under a key, where one of them may stand alone."""
        names = self.config.get(key)
        if isinstance(names, Mapping):
            raise ConfigError(
                f"{self.file}: {key}: found {dict(names)!r:.60}, expected a list"
            )
        if not isinstance(names, list):
            names = [] if names in (None, "") else [names]
        return [str(name) for name in names]

    def _refuse(self) -> None:
        """Refuse networks, heads and inputs that the model here would not have."""
        self._expect("model", "cudalstm")
        self._expect("head", "regression")
        self._expect("output_activation", "linear", usual="linear")
        for key in _NONE:
            if self.config.get(key):
                raise ConfigError(
                    f"{self.file}: {key}: found {self.config[key]!r:.60}, expected "
                    "nothing; it is not taken over"
                )
        targets = self._listed("target_variables")
        if len(targets) != 1 or targets[0].lower() not in TARGETS:
            raise ConfigError(
                f"{self.file}: target_variables: found {', '.join(targets) or 'none'}, "
                f"expected one of {', '.join(TARGETS)}: flow in mm d-1"
            )
        (self.target,) = targets

    def _time_step(self) -> str:
        codes = self._listed("use_frequencies") or ["1D"]
        steps = {"d": "daily", "1d": "daily", "h": "hourly", "1h": "hourly"}
        step = steps.get(codes[0].lower()) if len(codes) == 1 else None
        if step is None:
            raise ConfigError(
                f"{self.file}: use_frequencies: found {codes!r}, expected one of 1D, 1h"
            )
        return step

    def _forcings(self, there: list[str]) -> list[str]:
        """Return what inputs are called here, in their order."""
        parted = [self._parted(name) for name in there]
        plain = [NAMES.get(name, name) for name, _, _ in parted]
        forcings = []
        for theirs, ours, (_, units, product) in zip(there, plain, parted, strict=True):
            declared = ours in FORCINGS and units in ("", FORCINGS[ours].units)
            if declared and plain.count(ours) == 1:
                forcings.append(ours)
                continue
            # Of several products each has a name, and none is that of the weather.
            name = f"{ours}_{product}" if plain.count(ours) > 1 and product else ours
            name = re.sub(r"\W", "_", name)
            if not name.isidentifier() or name in FORCINGS or name in forcings:
                raise ConfigError(
                    f"{self.file}: dynamic_inputs: {theirs!r} has no name here; "
                    "expected NAME(UNITS), and _PRODUCT where there are several"
                )
            usual = FORCINGS[ours].units if ours in FORCINGS else "1"
            self.others[name] = units or usual
            self.remarks.append(
                f"dynamic_inputs: {theirs} is {name} in {self.others[name]}"
            )
            forcings.append(name)
        return forcings

    def _parted(self, name: str) -> tuple[str, str, str]:
        """Return name, units and product of an input."""
        match = _NAMED.fullmatch(name)
        if match is None:
            return name.lower(), "", ""
        stem, text, product = match[1].lower(), (match[2] or "").lower(), match[3] or ""
        if not text:
            # Without units in the middle an underscore is part of the name.
            return name.lower(), "", ""
        units = UNITS.get(text, text)
        if unknown(units):
            raise ConfigError(
                f"{self.file}: dynamic_inputs: {name}: unknown units {text!r}"
            )
        return stem, units, product

    def _statistics(
        self, there: list[str], forcings: list[str], attributes: list[str]
    ) -> dict[str, Moments]:
        path = self.folder / "train_data" / "train_data_scaler.yml"
        data = config.read(path)

        def number(block: str, name: str) -> float:
            entries = data.get(block) if isinstance(data, Mapping) else None
            if isinstance(entries, Mapping) and "data_vars" in entries:
                one = entries["data_vars"].get(name)
                value = one.get("data") if isinstance(one, Mapping) else None
            else:
                value = entries.get(name) if isinstance(entries, Mapping) else None
            if not isinstance(value, (int, float)):
                raise DataError(f"{path}: {block}: {name}: expected a number")
            return float(value)

        series = zip((*forcings, "streamflow"), (*there, self.target), strict=True)
        try:
            return {
                **{
                    ours: Moments(
                        number("xarray_feature_center", theirs),
                        number("xarray_feature_scale", theirs),
                    )
                    for ours, theirs in series
                },
                **{
                    name: Moments(
                        number("attribute_means", name), number("attribute_stds", name)
                    )
                    for name in attributes
                },
            }
        except ConfigError as error:
            raise DataError(f"{path}: {error}") from None

    def _weights(self) -> dict[str, Tensor]:
        checkpoints = {
            int(match[1]): path
            for path in self.folder.glob("model_epoch*.pt")
            if (match := re.fullmatch(r"model_epoch(\d+)", path.stem, re.ASCII))
        }
        if not checkpoints:
            raise DataError(
                f"{self.folder}: no model_epoch*.pt; the run trained nothing"
            )
        self.epoch, path = max(checkpoints.items())
        self.trained = path
        weights = read_weights(path, {n: 1 if "bias" in n else 2 for n in WEIGHTS})
        hidden = weights["lstm.weight_hh_l0"].shape[-1]
        if (size := self.config.get("hidden_size", hidden)) != hidden:
            raise ConfigError(
                f"{self.file}: hidden_size: found {size!r}, but {path.name} holds a"
                f" network of {hidden}"
            )
        return weights

    def _remark(self) -> None:
        clipped = self._listed("clip_targets_to_zero")
        if self.target not in clipped:
            self.remarks.append(
                "clip_targets_to_zero: negative flow is cut off here, and was not there"
            )
        self.remarks.append(
            f"seq_length: there each answer starts from nothing "
            f"{self.config.get('seq_length')} steps before; here memory is kept, and "
            "answers differ by what it holds from before that"
        )
