"""Models that δMG trained, and configurations of trainings with it.

δMG (Feng et al. 2022, doi:10.1029/2022WR032404; Song et al. 2026,
doi:10.1029/2025WR040414) keeps a run as a YAML file, weights by epoch, and the moments
that inputs were standardised by. Its weights are under the terms of who trained them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch import Tensor

from ....compose import Model, Moments, Statistics
from ....compose.spec import ModelSpec
from ....conversion import convert
from ....errors import ConfigError, DataError, suggestion
from ...foreign_weights import put_in, read_weights
from ...importing import ImportedExperiment, ImportedModel
from ...window_ends import steppable
from .dmg_experiment import days, experiment_of
from .dmg_file import Dmg, read
from .dmg_model import NETWORK, TrainedModel

__all__ = ["imported"]

CONFIGURATIONS = (
    "config.yaml", "config.yml", ".hydra/config.yaml", "configs/config.yaml",
    "config.json",
)  # fmt: skip
"""Files that a run keeps its configuration in."""

STATISTICS = "normalization_statistics.json"

WEIGHTS = {
    "linear_in": "input", "linear_out": "output",
    "w_ih": "lstm.weight_ih_l0", "w_hh": "lstm.weight_hh_l0",
    "b_ih": "lstm.bias_ih_l0", "b_hh": "lstm.bias_hh_l0",
}  # fmt: skip
"""Names of layers and arrays of the network there and here."""

_EPOCH = re.compile(r"(.+?)_(?:model_)?ep(\d+)", re.ASCII | re.IGNORECASE)

_NO_WEIGHTS = ("trainer_state", "train_state", "wnn")
"""What files begin with that hold something else."""


def imported(path: Path) -> ImportedExperiment | ImportedModel:
    """Return the model of a run, or the experiment of a file without weights.

    Parameters
    ----------
    path : Path
        Folder of a run, or a configuration file; weights are looked for beside it and
        where its ``model_dir`` says.

    Raises
    ------
    ConfigError
        The configuration asks for what is not taken over; names file, key, what was
        found and what was expected.
    DataError
        Weights or moments are missing, or do not fit the configuration.
    """
    configuration = _configuration(path) if path.is_dir() else path
    file = read(configuration)
    model = TrainedModel(configuration, file)
    places = _places(path, configuration, file)
    weights = [p for place in places for p in sorted(place.glob("*.pt"))]
    weights = [
        p for p in dict.fromkeys(weights) if not p.name.lower().startswith(_NO_WEIGHTS)
    ]
    if weights:
        return _Trained(configuration, file, model, places, weights).imported()
    if path.is_dir():
        raise DataError(
            f"{path}: no weights such as hbv_ep50.pt in {_listed(places)}; without "
            f"weights an experiment is made of the configuration alone, {configuration}"
        )
    return experiment_of(configuration, file, model)


def _configuration(folder: Path) -> Path:
    """Return the configuration of a run."""
    for name in CONFIGURATIONS:
        if (folder / name).is_file():
            return folder / name
    others = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))
    if len(others) == 1:
        return others[0]
    raise ConfigError(
        f"{folder}: found {_listed(p.name for p in others) or 'no configuration'}, "
        f"expected one of {_listed(CONFIGURATIONS)}, or a single YAML file"
    )


def _places(path: Path, configuration: Path, file: Dmg) -> tuple[Path, ...]:
    """Return the folders that weights and moments may lie in."""
    folder = path if path.is_dir() else configuration.parent
    places = [folder, folder / "model"]
    if file.model_dir:
        places.append(folder / file.model_dir)
    if file.trained_model:
        places.append((folder / file.trained_model).parent)
    return tuple(dict.fromkeys(p.resolve() for p in places if p.is_dir()))


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(map(str, names))


class _Trained:
    """Files of one run on their way into a model, and what is said of it."""

    def __init__(
        self,
        configuration: Path,
        file: Dmg,
        model: TrainedModel,
        places: tuple[Path, ...],
        weights: list[Path],
    ) -> None:
        self.configuration, self.file, self.model = configuration, file, model
        self.places = places
        self.weights, self.epoch = self._chosen(weights)

    def imported(self) -> ImportedModel:
        arrays, names = self._arrays()
        hidden = arrays["nn_model.lstm.w_hh"].shape[-1]
        size = self.model.network.hidden_size
        if size not in (None, hidden):
            raise ConfigError(
                f"{self.configuration}: model.nn.hidden_size: found {size}, but "
                f"{self.weights.name} holds a network of {hidden}"
            )
        self._refuse_channels(arrays["nn_model.linear_out.weight"])
        spec = convert(self.model.block(hidden), ModelSpec)
        trained = Model(spec, Statistics(self._statistics())).float()
        put_in(trained, arrays, names, self.weights)
        stepped, ends = steppable(trained, self.file.model.rho)
        return ImportedModel(
            model=stepped.eval(),
            name=f"dhbv-{self.model.version}",
            about=f"HBV {self.model.version} with parameters from an LSTM, trained "
            "with δMG",
            provenance={
                "run": self.configuration.parent.name,
                "epoch": self.epoch,
                "seeds": [self.file.seed],
                "data": {"path": self.file.source},
                **self._periods(),
                **ends,
            },
            remarks=(*self._conventions(), *self.model.remarks(), *self._others()),
        )

    # Files

    def _chosen(self, files: list[Path]) -> tuple[Path, int | str]:
        """Return the weights that are scored there, and their epoch."""
        epochs = {
            int(match[2]): path
            for path in reversed(files)
            if (match := _EPOCH.fullmatch(path.stem))
        }
        tested = self.file.test.test_epoch
        if tested in epochs:
            return epochs[tested], tested
        if epochs:
            last = max(epochs)
            return epochs[last], last
        if len(files) == 1:
            return files[0], "unknown"
        raise DataError(
            f"{self.configuration}: several weights, {_listed(p.name for p in files)}; "
            "expected one, or names such as hbv_ep50.pt"
        )

    def _arrays(self) -> tuple[dict[str, Tensor], dict[str, str]]:
        """Return the weights, and from their names to those here."""
        names: dict[str, str] = {}
        for there, here in WEIGHTS.items():
            if there.startswith("linear"):
                for kind in ("weight", "bias"):
                    names[f"nn_model.{there}.{kind}"] = f"{here}.{kind}"
            else:
                names[f"nn_model.lstm.{there}"] = here
        axes = {name: 1 if name.split(".")[-1].startswith("b") else 2 for name in names}
        # Copies that are left where the network of processors has run.
        copies = [
            f"nn_model.lstm.{here}" for here in WEIGHTS.values() if "lstm" in here
        ]
        arrays = read_weights(self.weights, axes, copies)
        own = {name: f"{NETWORK}.network.{here}" for name, here in names.items()}
        return arrays, own

    def _refuse_channels(self, output: Tensor) -> None:
        """Refuse weights of other parameters or members than the file has."""
        model = self.model
        channels = output.shape[0]
        if channels != model.channels:
            routed = len(model.gives) - len(model.parameters)
            raise DataError(
                f"{self.weights}: nn_model.linear_out.weight gives {channels} numbers, "
                f"the configuration asks for {model.channels}: "
                f"{len(model.parameters)} parameters of {model.physics.nmul} members "
                f"and {routed} of the routing"
            )

    def _statistics(self) -> dict[str, Moments]:
        """Return the moments of what the network reads."""
        files = [place / STATISTICS for place in (self.weights.parent, *self.places)]
        path = next((file for file in files if file.is_file()), None)
        if path is None:
            raise DataError(
                f"{self.weights.parent}: no {STATISTICS}, the moments that inputs were "
                "standardised by in training; nothing can stand for them"
            )
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(f"{path}: not JSON: {error}") from None
        if not isinstance(data, dict):
            raise DataError(f"{path}: expected numbers by the name of a variable")
        return {
            here: _moments(path, data, there, self.model.transforms.get(here, "none"))
            for here, there in self.model.inputs.items()
        }

    def _periods(self) -> dict[str, Any]:
        train = days(self.configuration, self.file, "train")
        return {"periods": {"train": list(train)}} if train else {}

    # What is said

    def _conventions(self) -> Iterable[str]:
        constants = ", ".join(self.model.constants) or "none"
        yield (
            f"constants ({constants}): here each is the running mean of what the "
            f"network has answered so far, over {self.file.model.rho} days, so that no "
            "day depends on a later one and the bundle can be stepped; this is what dmx"
            " run, BMI and NextGen give"
        )
        yield (
            "constants, as trained: there they are what it answers for the last day of "
            "a run; dmx evaluate BUNDLE --data DATA --window-end scores them so, and "
            "published scores are of this kind"
        )
        yield (
            "missing values: there a missing input of the network counts as its mean; "
            "here missing forcing is refused or filled as data.gaps or missing says, "
            f"and a missing attribute is refused; means are in {STATISTICS}"
        )
        yield (
            "licence: weights are under the terms of who trained them, those published "
            "by the authors of δMG under non-commercial ones; set licence=... to them"
        )

    def _others(self) -> Iterable[str]:
        tested = self.file.test.test_epoch
        if self.epoch != tested:
            none = f"there are none of test.test_epoch, {tested}"
            yield f"weights: {self.weights.name}; {none if tested else 'the last'}"
        yield (
            "model.nn.dropout: of weights, in training alone; it has no effect on what "
            "was trained"
        )


def _moments(path: Path, data: dict[str, Any], name: str, transform: Any) -> Moments:
    """Return mean and deviation; the first two of four numbers are percentiles."""
    if name not in data:
        raise DataError(f"{path}: no statistics of {name!r}{suggestion(name, data)}")
    numbers = data[name]
    whole = isinstance(numbers, list) and len(numbers) == 4
    if not whole or not all(isinstance(x, int | float) for x in numbers):
        raise DataError(
            f"{path}: {name}: found {numbers!r:.60}, expected four numbers: two "
            "percentiles, mean, standard deviation"
        )
    try:
        return Moments(float(numbers[2]), float(numbers[3]), transform)
    except ConfigError as error:
        raise DataError(f"{path}: {name}: {error}") from None
