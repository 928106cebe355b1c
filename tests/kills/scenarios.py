"""What is killed: each command on something small, and what users see of its files."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import netCDF4
import numpy as np
import torch

from bmi_dmx import Component
from bmi_dmx.bundle import load_bundle, save_bundle
from bmi_dmx.bundle import save as saving
from bmi_dmx.cli import main as dmx
from bmi_dmx.config import as_yaml
from bmi_dmx.ngen.sample import make_sample
from bmi_dmx.routing.route import Request as Routing
from bmi_dmx.routing.route import route
from bmi_dmx.routing.span import RequestedSpan
from bmi_dmx.run.request import Request
from bmi_dmx.run.run import run
from bmi_dmx.trainer.checkpoint import read_checkpoint
from bmi_dmx.trainer.export import export
from bmi_dmx.trainer.fit import resume, train

from ..bmi.untrained import INPUTS, attributes, give, static, untrained, weather
from ..models.rivers.small_river import weather as rain
from ..models.rivers.small_river import write_tree
from ..routing.rivers import write_inflow
from ..run.files import write_series, write_table
from ..trainer.conftest import EXPERIMENT

__all__ = ["SCENARIOS", "Scenario"]

Seen = dict[str, str]


def digest(content: bytes) -> str:
    """Return a few digits for what a file holds."""
    return hashlib.sha256(content).hexdigest()[:16]


def of_arrays(arrays: Mapping[str, Any]) -> str:
    """Return a few digits for arrays by name."""
    text = b"".join(
        name.encode() + np.ascontiguousarray(arrays[name]).tobytes()
        for name in sorted(arrays)
    )
    return digest(text)


def of_netcdf(path: Path) -> str:
    """Return a few digits for the numbers in a NetCDF file, which has to be whole."""
    with netCDF4.Dataset(path) as file:
        numbers = {n: v[:] for n, v in file.variables.items() if v.dtype is not str}
        return of_arrays({n: np.ma.filled(x) for n, x in numbers.items()})


def quietly(*words: str) -> None:
    """Run a command of ``dmx``, which has to succeed."""
    with contextlib.redirect_stdout(io.StringIO()):
        status = dmx(words)
    if status:
        raise SystemExit(status)


class Scenario:
    """A command on files in a folder.

    Parameters
    ----------
    base : Path
        A folder for what all its runs share.
    """

    name: ClassVar[str]

    def __init__(self, base: Path) -> None:
        self.base = base

    def prepare(self, folder: Path) -> None:
        """Make what is there before the command."""

    def act(self, folder: Path) -> None:
        """Run the command."""

    def again(self, folder: Path) -> None:
        """Run it again as a user would after a kill."""
        self.act(folder)

    def look(self, folder: Path) -> Seen:
        """Return what users find, by name; fails where something is not whole."""
        raise NotImplementedError


class SavedState(Scenario):
    """A component that saves its state over an older one."""

    name = "save_state"

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        bundle = base / "bundle"
        save_bundle(
            untrained(static()), bundle, licence="CC0-1.0", provenance={}, scores={}
        )
        places = {"ids": [f"p{k}" for k in range(40)], "attributes": attributes(40)}
        settings = {"bundle": str(bundle), "start_time": "1980-10-01"}
        config = base / "component.yaml"
        config.write_text(as_yaml({**settings, "locations": places}), encoding="utf-8")
        self.component = Component()
        self.component.initialize(str(config))
        give(self.component, weather(1, 40), 0)
        self.component.update()
        self.early = self.component.state_bytes()
        self.component.update()
        self.late = self.component.state_bytes()

    def prepare(self, folder: Path) -> None:
        folder.mkdir()
        self.component.set_state_bytes(self.early)
        self.component.save_state(folder / "last.state")

    def act(self, folder: Path) -> None:
        self.component.set_state_bytes(self.late)
        self.component.save_state(folder / "last.state")

    def look(self, folder: Path) -> Seen:
        self.component.load_state(folder / "last.state")
        return {"state": digest(self.component.state_bytes())}


class Training(Scenario):
    """A training that is resumed."""

    name = "train"
    steps: ClassVar[dict[str, Any]] = {
        "steps": 6, "batch": 3, "validate_every": 2, "checkpoint_every": 1,
    }  # fmt: skip

    def prepare(self, folder: Path) -> None:
        folder.mkdir()
        training = {**EXPERIMENT["training"], **self.steps}
        text = as_yaml({**EXPERIMENT, "training": training})
        (folder / "tiny.yaml").write_text(text, encoding="utf-8")

    def act(self, folder: Path) -> None:
        train(folder / "tiny.yaml", root=folder / "runs")

    def again(self, folder: Path) -> None:
        begun = sorted((folder / "runs").glob("[!.]*/config.yaml"))
        if not begun:
            self.act(folder)
        elif not (begun[0].parent / "training.json").is_file():
            resume(begun[0].parent)

    def look(self, folder: Path) -> Seen:
        states: Seen = {}
        for path in folder.glob("runs/[!.]*/checkpoints/[!.]*.ckpt"):
            read_checkpoint(path)
        for path in folder.glob("runs/[!.]*/training.json"):
            summary = json.loads(path.read_text(encoding="utf-8"))
            summary.pop("seconds")
            states["summary"] = json.dumps(summary)
            states["metrics"] = (path.parent / "metrics.csv").read_text("utf-8")
            for name in ("last", "best"):
                file = path.parent / "checkpoints" / f"{name}.ckpt"
                weights = read_checkpoint(file)["state_dict"]
                states[name] = of_arrays({n: w.numpy() for n, w in weights.items()})
        return states


class Trained(Scenario):
    """Something done with a run that is over."""

    def run(self) -> Path:
        """Return the folder of the run, made once."""
        maker = Training(self.base)
        folder = self.base / "training"
        if not folder.is_dir():
            maker.prepare(folder)
            maker.act(folder)
        return next((folder / "runs").iterdir())


class Export(Trained):
    """A model that is exported over an older one."""

    name = "export"

    def prepare(self, folder: Path) -> None:
        folder.mkdir()
        save_bundle(
            untrained(static()), folder / "bundle", licence="CC0-1.0", provenance={},
            scores={},
        )  # fmt: skip

        trace, traced = saving.programs_of, []

        def remembered(model: Any) -> Any:
            # It takes seconds, touches no file, and is the same every time.
            if not traced:
                traced.append(trace(model))
            return traced[0]

        saving.programs_of = remembered

    def act(self, folder: Path) -> None:
        export(self.run(), folder / "bundle", overwrite=True)

    def look(self, folder: Path) -> Seen:
        return {"bundle": load_bundle(folder / "bundle").fingerprint}


class Evaluation(Trained):
    """A model that is scored."""

    name = "evaluate"

    def prepare(self, folder: Path) -> None:
        shutil.copytree(self.run(), folder / "run")

    def act(self, folder: Path) -> None:
        quietly("evaluate", str(folder / "run"))

    def look(self, folder: Path) -> Seen:
        states: Seen = {}
        results = folder / "run" / "test"
        for path in results.glob("[!.]*"):
            text = (
                of_netcdf(path) if path.suffix == ".nc" else digest(path.read_bytes())
            )
            states[path.name] = text
        if "summary.json" in states:
            # Where it is, all numbers are; pictures follow.
            json.loads((results / "summary.json").read_text(encoding="utf-8"))
            states["numbers"] = str({"scores.csv", "streamflow.nc"} <= states.keys())
        return states


class Simulation(Scenario):
    """A domain that is simulated over an older output."""

    name = "simulate"

    def prepare(self, folder: Path) -> None:
        folder.mkdir()
        self.files = make_sample(self.base / "sample")
        self.simulate(folder, "1979-03-01 05:00:00")

    def act(self, folder: Path) -> None:
        self.simulate(folder, "1979-03-02 23:00:00")

    def simulate(self, folder: Path, end: str) -> None:
        """Simulate up to some hour."""
        fabric, forcing = map(str, self.files)
        quietly(
            "simulate", "--hydrofabric", fabric, "--forcing", forcing,
            "--start", "1979-03-01 00:00:00", "--end", end,
            "--output", str(folder / "all.nc"), "--save-state", str(folder / "state"),
        )  # fmt: skip

    def look(self, folder: Path) -> Seen:
        state = (folder / "state").read_bytes()
        return {"output": of_netcdf(folder / "all.nc"), "state": digest(state)}


class Run(Scenario):
    """A bundle that is run over a file, and goes on where it stopped."""

    name = "run"

    def prepare(self, folder: Path) -> None:
        folder.mkdir()
        save_bundle(
            untrained(static()), self.base / "bundle", licence="CC0-1.0",
            provenance={}, scores={},
        )  # fmt: skip
        series = weather(90, 3)
        forcing = {name: series[name] for name in INPUTS}
        ids = ["a", "b", "c"]
        write_series(self.base / "long.nc", forcing, ids=ids)
        short = {name: values[:20] for name, values in forcing.items()}
        write_series(self.base / "short.nc", short, ids=ids)
        write_table(self.base / "places.csv", ids, attributes(3))
        self.over("short.nc", folder)

    def act(self, folder: Path) -> None:
        self.over("long.nc", folder)

    def over(self, name: str, folder: Path) -> None:
        """Run over a file in pieces of ten days."""
        run(
            Request(
                bundle=str(self.base / "bundle"),
                forcing=self.base / name,
                attributes=self.base / "places.csv",
                output=folder / "out.nc",
                outputs=("streamflow", "snowpack"),
                save_state=folder / "last.state",
                block=3 * 10,
            )
        )

    def look(self, folder: Path) -> Seen:
        state = (folder / "last.state").read_bytes()
        return {"output": of_netcdf(folder / "out.nc"), "state": digest(state)}


class Route(Scenario):
    """Inflow that is routed down a river, and goes on where it stopped."""

    name = "route"

    def prepare(self, folder: Path) -> None:
        folder.mkdir()
        write_tree(self.base / "tree.nc")
        write_inflow(self.base / "long.nc", rain(24 * 8))
        write_inflow(self.base / "short.nc", rain(48))
        self.over("short.nc", folder)

    def act(self, folder: Path) -> None:
        self.over("long.nc", folder)

    def over(self, name: str, folder: Path) -> None:
        """Route in pieces of two days."""
        route(
            Routing(
                inflow=self.base / name,
                tree=self.base / "tree.nc",
                output=folder / "out.nc",
                at="all",
                when=RequestedSpan(daily=True),
                save_state=folder / "last.state",
                block=5 * 48,
            )
        )

    def look(self, folder: Path) -> Seen:
        state = (folder / "last.state").read_bytes()
        return {"output": of_netcdf(folder / "out.nc"), "state": digest(state)}


torch.set_num_threads(1)
SCENARIOS: dict[str, type[Scenario]] = {
    each.name: each
    for each in (SavedState, Training, Export, Evaluation, Simulation, Run, Route)
}
"""All of them, by name."""
