"""What a protocol is: models, what is held out of their training, and seeds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from ... import config
from ...conversion import plain, refuse_outside
from ...errors import ConfigError, suggestion
from ...schema import Schema, schema_of
from ..experiment import Experiment
from ..experiment_file import find_experiment, load_experiment

__all__ = [
    "HeldOutPlaces",
    "Protocol",
    "PublishedScores",
    "experiments_of",
    "find_protocol",
    "load_protocol",
    "protocol_schema",
    "protocols",
]

NAME = r"[A-Za-z0-9][\w.-]*"

SETTINGS = "settings."
"""What settings of the experiments, not of the protocol, begin with."""


@dataclass(frozen=True, kw_only=True)
class HeldOutPlaces:
    """Which places are held out, in turns, each of them once.

    Parameters
    ----------
    by : {"nothing", "folds", "regions"}
        ``nothing``: all places are learned from, and judged. ``folds``: places are
        dealt at random. ``regions``: whole regions are held out.
    folds : int
        Number of folds; of regions without attribute, that of the clusters.
    seed : int
        Seed of the deal.
    stratify : str
        Attribute whose range all folds shall cover alike.
    attribute : str
        Attribute that says in which region a place lies; a number, or a text of a few
        classes. Without it regions are clusters of neighbouring places.
    groups : dict of str to list of str
        Regions held out together, by name of the fold; each region of the attribute by
        itself where none are given.

    Raises
    ------
    ConfigError
        Keys contradict each other.
    """

    by: Literal["nothing", "folds", "regions"] = "nothing"
    folds: int = 5
    seed: int = 0
    stratify: str = ""
    attribute: str = ""
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_outside("folds", self.folds, 2)
        refuse_outside("seed", self.seed, 0)
        for key, of in (("stratify", "folds"), ("attribute", "regions")):
            if getattr(self, key) and self.by != of:
                raise ConfigError(f"{key}: goes with by: {of}, found by: {self.by}")
        if self.groups and not self.attribute:
            raise ConfigError("groups: are of regions, which attribute names")
        _check_folders("groups", self.groups)


@dataclass(frozen=True, kw_only=True)
class PublishedScores:
    """Scores of others, shown beside ours and marked as theirs.

    Parameters
    ----------
    name : str
        The model.
    source : str
        Where they are published.
    about : str
        On which places and times, as far as they differ from ours; or what was found,
        where that is no median.
    scores : dict of str to float
        Medians by the name of the score.

    Raises
    ------
    ConfigError
        It says nothing.
    """

    name: str
    source: str
    about: str = ""
    scores: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.scores or self.about):
            raise ConfigError(f"{self.name}: expected scores, or about, found neither")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Models judged by what their training has not seen.

    Parameters
    ----------
    name : str
        Name of the protocol and of its folder.
    about : str
        The question, in one line.
    models : dict of str to str
        Experiments by the name of the model: those that come with the package, or
        files.
    settings : dict
        Values that replace those of all the experiments, by dotted key.
    model_settings : dict of str to dict
        The same for one model.
    seeds : list of int
        Every model is trained once with each.
    places : HeldOutPlaces
        Which places are held out.
    times : dict
        Which times are held out besides the test period; keys are those of the task.
    published : list of PublishedScores
        Scores of others.
    like : str
        Another protocol, one that comes with the package or a file, whose keys hold
        where this one has none.

    Raises
    ------
    ConfigError
        A value is impossible.
    """

    name: str
    about: str = ""
    models: dict[str, str]
    settings: dict[str, Any] = field(default_factory=dict)
    model_settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    places: HeldOutPlaces = field(default_factory=HeldOutPlaces)
    times: dict[str, Any] = field(default_factory=dict)
    published: tuple[PublishedScores, ...] = ()
    like: str = ""

    def __post_init__(self) -> None:
        _check_folders("name", [self.name])
        _check_folders("models", self.models)
        if not self.models:
            raise ConfigError("models: none is given")
        for name in self.model_settings:
            if name not in self.models:
                hint = suggestion(name, self.models)
                raise ConfigError(f"model_settings: no model {name!r} is given{hint}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(
                f"seeds: found {list(self.seeds)}, expected one or more, each once"
            )
        for seed in self.seeds:
            refuse_outside("seeds", seed, 0, 2**32 - 1)


def _check_folders(key: str, names: Iterable[str]) -> None:
    """Refuse names that folders cannot have, or that some disks do not tell apart."""
    spellings: dict[str, str] = {}
    for name in names:
        if not re.fullmatch(NAME, name, re.ASCII):
            raise ConfigError(
                f"{key}: found {name!r}, expected letters, digits, '-', '_', '.'"
            )
        alike = spellings.setdefault(name.casefold(), name)
        if alike != name:
            raise ConfigError(
                f"{key}: {alike!r} and {name!r} differ in capitals alone, and would be"
                " one folder on some disks"
            )


def protocols() -> dict[str, Path]:
    """Return the files of the protocols that come with the package, by name."""
    folder = Path(str(files("bmi_dmx.configs") / "protocols"))
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def find_protocol(name: str | Path) -> Path:
    """Return the path of a protocol: the file, or the shipped one of that name.

    Raises
    ------
    ConfigError
        There is no such file and no such protocol.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = protocols()
    if str(name) not in shipped:
        hint = suggestion(str(name), shipped)
        raise ConfigError(f"{name}: no such file, nor a shipped protocol{hint}")
    return shipped[str(name)]


def load_protocol(path: Path, overrides: Iterable[str] = ()) -> Protocol:
    """Read a protocol.

    Parameters
    ----------
    path : Path
        YAML file.
    overrides : iterable of str
        ``key=value``, replacing values of the file; ``settings.key.key=value`` is a
        value of all the experiments.

    Raises
    ------
    ConfigError
        Naming file, key, what was found and what was expected.
    """
    settings = list(overrides)
    inner = [one for one in settings if one.startswith(SETTINGS)]
    data = config.override(
        _completed(path), [one for one in settings if not one.startswith(SETTINGS)]
    )
    protocol = config.convert(data, Protocol, where=str(path))
    for setting in inner:
        key, _, _ = setting.removeprefix(SETTINGS).partition("=")
        entry = config.override({}, [f"value={setting.partition('=')[2]}"])
        protocol.settings[key.strip()] = entry["value"]
    return protocol


def protocol_schema() -> Schema:
    """Return the schema of files of protocols; one like another needs no more."""
    schema = schema_of(Protocol)
    required = schema.pop("required")
    schema["anyOf"] = [{"required": ["like"]}, {"required": required}]
    return schema


def _completed(path: Path) -> dict[str, Any]:
    """Return what a file says, with what it leaves to the one that it is like.

    Raises
    ------
    ConfigError
        That one is not there, or like another in its turn.
    """
    data: dict[str, Any] = config.read(path)
    like = data.get("like")
    if not like:
        return data
    beside = path.parent / str(like)
    try:
        other = beside if beside.is_file() else find_protocol(str(like))
        base = config.read(other)
    except ConfigError as error:
        raise ConfigError(f"{path}: like: {error}") from error
    if base.get("like"):
        raise ConfigError(
            f"{path}: like: {other} is like {base['like']!r} itself, expected one "
            "that says all"
        )
    return {**base, **data}


def experiments_of(protocol: Protocol, path: Path) -> dict[str, Experiment]:
    """Return the experiments of a protocol, by model.

    Parameters
    ----------
    protocol : Protocol
        What was read.
    path : Path
        The file it was read from, where relative paths start.

    Raises
    ------
    ConfigError
        An experiment cannot be found or made, or they are of different tasks.
    """
    experiments: dict[str, Experiment] = {}
    for model, name in protocol.models.items():
        beside = path.parent / name
        settings = {**protocol.settings, **protocol.model_settings.get(model, {})}
        try:
            file = beside if beside.is_file() else find_experiment(name)
            experiments[model] = load_experiment(
                file, _as_settings({"name": model, **settings})
            )
        except ConfigError as error:
            raise ConfigError(f"{path}: models.{model}: {error}") from error
    tasks = {model: experiment.task for model, experiment in experiments.items()}
    if len(set(tasks.values())) > 1:
        raise ConfigError(
            f"{path}: models: of tasks {tasks}, expected those of one task"
        )
    return experiments


def _as_settings(values: Mapping[str, Any]) -> list[str]:
    """Return settings as the command line has them; JSON is YAML."""
    return [f"{key}={json.dumps(plain(value))}" for key, value in values.items()]
