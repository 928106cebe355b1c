"""Twin experiments as files: found by name, read, and changed by arguments."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from .. import config
from ..assimilation.experiment import Experiment, FilterRun
from ..assimilation.observing_system import observing
from ..conversion import convert
from ..errors import ConfigError, suggestion
from ..operate.bundle_cache import named_from

__all__ = ["experiment_of", "experiments", "run_of"]


def experiments() -> dict[str, Path]:
    """Return the files of the twin experiments of the package, by name."""
    folder = Path(str(files("bmi_dmx.configs") / "twins"))
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def _found(name: Path) -> Path:
    if name.exists():
        return name
    shipped = experiments()
    if str(name) not in shipped:
        hint = suggestion(str(name), shipped)
        raise ConfigError(f"{name}: no such file, nor a twin experiment{hint}")
    return shipped[str(name)]


def experiment_of(options: Namespace) -> Experiment:
    """Return the experiment that arguments name, with what they change of it.

    Learned filters are found from the folder of the file.

    Raises
    ------
    ConfigError
        Naming the file or argument, what was found and what was expected.
    """
    path = _found(options.system)
    settings = list(options.settings)
    for name in ("cycles", "seeds"):
        value = getattr(options, name)
        settings += [] if value is None else [f"{name}={value}"]
    data = config.override(config.read(path), settings)
    if options.cycles is not None and isinstance(data, Mapping):
        # Of few cycles the usual number to be left out may be too many.
        usual = data.get("burn_in", Experiment.burn_in)
        has_burn_in = any(setting.startswith("burn_in") for setting in settings)
        if not has_burn_in and isinstance(usual, int) and usual >= options.cycles:
            data = {**data, "burn_in": options.cycles // 4}
    experiment = convert(data, Experiment, where=str(path))
    observation = experiment.observe
    if options.error is not None:
        observation = replace(observation, error=options.error)
    if options.observe is not None:
        observation = observing(options.observe, observation)
    runs = tuple(
        replace(run, options=named_from(path.parent, run.options))
        for run in experiment.runs
    )
    return replace(experiment, observe=observation, runs=runs)


def run_of(options: Namespace, experiment: Experiment) -> FilterRun:
    """Return the filter that arguments name, or the first of the file, changed.

    Raises
    ------
    ConfigError
        When there is none, or an argument is wrong.
    """
    first = experiment.runs[0] if experiment.runs else None
    name = options.filter or (first.filter if first else None)
    if name is None:
        raise ConfigError("--filter: the file names none, so one must be given")
    same = [run for run in experiment.runs if run.filter == name]
    run = same[0] if same else FilterRun(filter=name)
    changes: dict[str, Any] = {
        key: value
        for key in ("members", "lag")
        if (value := getattr(options, key)) is not None
    }
    for key in ("inflation", "radius"):
        if (values := getattr(options, key)) is not None:
            changes[key] = tuple(values)
    filter_options = config.override(dict(run.options), options.option)
    changes["options"] = filter_options
    if changes.keys() - {"options"} or options.option:
        # It is no longer what the level was reached with.
        changes |= {"name": "", "level": None, "source": ""}
    return replace(run, **changes)
