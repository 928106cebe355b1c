"""Configuration files of DDR, which trains rivers in the same way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

from ....errors import ConfigError, suggestion
from ....models.rivers.hydraulics import Floors
from ....registries import processes
from ...importing import ImportedExperiment
from .ddr_file import Ddr, Minimums, read

__all__ = ["imported"]

PARAMETERS = {
    "n": "manning", "q_spatial": "width_exponent", "p_spatial": "width_coefficient",
    "top_width": "top_width", "side_slope": "side_slope",
}  # fmt: skip
"""Names of parameters there and here."""

LEAKANCE = {
    "K_D_delta": "conductivity_correction", "d_gw": "water_table_depth",
    "leakance_gate": "leakance_gate",
}  # fmt: skip
"""Those of the exchange with the ground."""

OTHER = ("K_D", "leakance_factor")
"""Those of other versions, which nothing here stands for."""

SOIL = ("sand", "clay")
"""Attributes that the exchange with the ground is read from."""

RIVER = "muskingum_cunge"


def imported(path: Path) -> ImportedExperiment:
    """Return the experiment that a configuration of DDR stands for.

    Raises
    ------
    ConfigError
        A key is unknown, a parameter is learned by two networks, the file trains
        nothing, or its text refers to what is not there.
    """
    ddr = read(path)
    if ddr.mode != "training":
        raise ConfigError(
            f"{path}: mode: found {ddr.mode!r}, expected 'training'; what was trained "
            "is scored by dmx evaluate"
        )
    return _Conversion(path, ddr).imported()


class _Conversion:
    """One file on its way into an experiment, and what is said of it."""

    def __init__(self, path: Path, ddr: Ddr) -> None:
        self.path, self.ddr = path, ddr
        self.remarks: list[str] = []

    @property
    def _names(self) -> dict[str, str]:
        """Names here of the parameters that networks can learn."""
        return {**PARAMETERS, **LEAKANCE}

    def say(self, key: str, text: str) -> None:
        """Tell what of the file is other in the experiment."""
        self.remarks.append(f"{key}: {text}")

    def imported(self) -> ImportedExperiment:
        """Return the experiment and the remarks."""
        ddr = self.ddr
        experiment = {
            "name": ddr.name,
            "about": "a river by Muskingum-Cunge, after a configuration of DDR",
            "seed": ddr.seed,
            "task": "reaches",
            "data": self._data(),
            "periods": {"train": [str(d) for d in self._days]},
            "model": {
                "seconds": 3600,
                "system": "rivers",
                "parts": self._parts(),
                "answers": ["discharge", "velocity", "depth"],
            },
            "loss": "mse",
            "together": ddr.experiment.batch_size,
            "training": self._training(),
        }
        self.say(
            "loss", "mean squared error of flow in mm d-1 over the area above a gauge,"
            " so that large rivers do not count alone"
        )  # fmt: skip
        if ddr.np_seed != ddr.seed:
            self.say("np_seed", f"one seed serves all, {ddr.seed}")
        if ddr.device != "cpu":
            self.say("device", f"{ddr.device!r} is not used; trained on the CPU")
        for key in ("s3_region", "hydra", "defaults"):
            if getattr(ddr, key) is not None:
                self.say(key, "not needed")
        return ImportedExperiment(experiment, tuple(self.remarks))

    # Data

    def _file(self, path: str) -> str:
        """Return a path that means the same from any folder."""
        if "://" in path or path.startswith("$"):
            return path
        return str(self.path.parent.resolve() / Path(path).expanduser())

    def _data(self) -> dict[str, Any]:
        sources, merit = self.ddr.data_sources, self.ddr.geodataset == "merit"
        key = "conus_adjacency" if merit else "geospatial_fabric_gpkg"
        river = getattr(sources, key)
        if river is None:
            self.say(f"data_sources.{key}", "not given; data.river has to be")
        data: dict[str, Any] = {"river": "" if river is None else self._file(river)}
        for name, here in (("streamflow", "inflow"), ("observations", "observed")):
            address = getattr(sources, name)
            if address is not None:
                data[here] = {"path": self._file(address)}
                if "://" in address:
                    self.say(
                        f"data_sources.{name}", "is far away; fetch it, and say where "
                        f"it lies by data.{here}.path"
                    )  # fmt: skip
        if sources.gages is not None:
            data["gauges"] = self._file(sources.gages)
        unread = {
            "attributes": "attributes of reaches are read from the file of the river",
            "statistics": "statistics are those of the attributes in training",
            "gages_adjacency": "the trees above gauges follow from the river",
            "forcings": "networks read the lateral inflow",
            "target_catchments": "all gauges of the table are learned from",
        }
        for name, why in unread.items():
            if getattr(sources, name) is not None:
                self.say(f"data_sources.{name}", f"not read; {why}")
        self.say(
            "params.tau", f"{self.ddr.params.tau} h are not taken over; days of gauges "
            "begin as data.days.utc_offset says (0), and delay that is in the inflow "
            "already is taken off by data.days.advance (0)"
        )  # fmt: skip
        self.say(
            "gauges", "the flow of the reach of a gauge is compared, not that of the "
            "reaches above it"
        )  # fmt: skip
        if self.ddr.experiment.max_area_diff_sqkm is not None:
            self.say(
                "experiment.max_area_diff_sqkm", "no gauge is left out by its area; "
                "leave it out of the table of gauges"
            )  # fmt: skip
        return data

    @property
    def _days(self) -> tuple[date, date]:
        run = self.ddr.experiment
        return self._day("start_time", run.start_time), self._day(
            "end_time", run.end_time
        )

    def _day(self, key: str, text: str | date) -> date:
        try:
            return date.fromisoformat(str(text).replace("/", "-"))
        except ValueError:
            raise ConfigError(
                f"{self.path}: experiment.{key}: found {text!r}, expected a day such "
                "as 1981/10/01"
            ) from None

    # Model

    def _parts(self) -> dict[str, Any]:
        learned = {
            network: self._learned(network)
            for network in ("kan", "cuda_lstm")
            if getattr(self.ddr, network) is not None
        }
        both = set(learned.get("kan", ())) & set(learned.get("cuda_lstm", ()))
        if both:
            raise ConfigError(
                f"{self.path}: cuda_lstm.learnable_parameters: {min(both)!r} is learned"
                " by the KAN as well; a parameter is learned by one network only"
            )
        parts: dict[str, Any] = {}
        if learned.get("cuda_lstm"):
            parts["changing"] = self._lstm(learned["cuda_lstm"])
        elif "cuda_lstm" in learned:
            self.say("cuda_lstm", "left out, for it has nothing to learn here")
        if learned.get("kan"):
            parts["channel"] = self._kan(learned["kan"])
        if not parts:
            raise ConfigError(
                f"{self.path}: kan.learnable_parameters: expected at least one of "
                f"{', '.join(self._names)}"
            )
        names = {name for parameters in learned.values() for name in parameters}
        parts["river"] = self._river(names)
        return parts

    def _learned(self, network: str) -> tuple[str, ...]:
        """Return the parameters that a network learns, by their names there."""
        block = getattr(self.ddr, network)
        off = getattr(block, "off_parameters", ())
        leaks = self.ddr.params.use_leakance
        parameters = []
        for name in block.learnable_parameters:
            if name in off or name in OTHER or (name in LEAKANCE and not leaks):
                self.say(f"{network}.learnable_parameters", f"{name!r} is left out")
            elif name not in self._names:
                raise ConfigError(
                    f"{self.path}: {network}.learnable_parameters: unknown {name!r}"
                    f"{_hint(name)}"
                )
            else:
                parameters.append(name)
        return tuple(parameters)

    def _kan(self, learned: tuple[str, ...]) -> dict[str, Any]:
        kan = self.ddr.kan
        assert kan is not None
        options = {
            "hidden": kan.hidden_size, "layers": kan.num_hidden_layers,
            "grid": kan.grid, "order": kan.k,
        }  # fmt: skip
        return {
            "network": "kan", "options": options,
            "attributes": list(kan.input_var_names),
            "gives": [self._names[name] for name in learned],
        }  # fmt: skip

    def _lstm(self, learned: tuple[str, ...]) -> dict[str, Any]:
        lstm = self.ddr.cuda_lstm
        assert lstm is not None
        if lstm.num_layers != 1:
            self.say("cuda_lstm.num_layers", f"one layer in place of {lstm.num_layers}")
        forcings = ", ".join(lstm.forcing_var_names) or "nothing"
        self.say(
            "cuda_lstm.forcing_var_names", f"the network reads the lateral inflow in "
            f"place of {forcings}"
        )  # fmt: skip
        self.say("cuda_lstm", "the parameters of a day follow from the days before it")
        return {
            "network": "lstm",
            "options": {"hidden": lstm.hidden_size, "dropout": lstm.dropout},
            "step": 86400, "forcings": ["lateral_inflow"],
            "attributes": list(lstm.input_var_names),
            "gives": [self._names[name] for name in learned],
        }  # fmt: skip

    def _river(self, learned: set[str]) -> dict[str, Any]:
        params = self.ddr.params
        options: dict[str, Any] = {}
        if learned & {"top_width", "side_slope"}:
            options["geometry"] = "given"
        floors, usual = {}, Floors()
        for f in fields(Minimums):
            least = getattr(params.attribute_minimums, f.name)
            if least is not None and least != getattr(usual, f.name):
                floors[f.name] = least
        if params.attribute_minimums.slope is None:
            self.say(
                "params.attribute_minimums.slope", f"not given; {usual.slope:g} here, "
                "0.0001 in some versions of DDR"
            )  # fmt: skip
        if floors:
            options["floors"] = floors
        self.say(
            "physics", "celerity follows from the shape of the channel, and X is "
            "Cunge's; with model.parts.river.options.celerity=legacy and x=constant "
            "they are 5/3 v and 0.3"
        )  # fmt: skip
        river: dict[str, Any] = {"process": RIVER}
        if params.use_leakance:
            options["leakance"] = {"gate": "leakance_gate" in learned}
            river["reads"] = self._soil()
            self.say(
                "params.use_leakance", "the width of the bed is p d^q, and no reach "
                "loses more than it has; options.leakance.published gives (p d)^q"
            )  # fmt: skip
        self._compare(learned, options)
        return {**river, **({"options": options} if options else {})}

    def _soil(self) -> dict[str, str]:
        """Return under which names the soil of reaches is known, in percent."""
        kan = self.ddr.kan
        inputs = kan.input_var_names if kan is not None else ()
        soils = {}
        for soil in SOIL:
            names = [name for name in inputs if soil in name.lower()]
            if len(names) == 1:
                soils[soil] = names[0]
                self.say("kan.input_var_names", f"{names[0]} is percent of {soil}")
        return soils

    def _compare(self, learned: set[str], options: Mapping[str, Any]) -> None:
        """Say where declared bounds and spacings are others than those of the file."""
        params = self.ddr.params
        declared = {p.name: p for p in processes[RIVER](options or None).parameters}
        for there in (*params.parameter_ranges, *(params.log_space_parameters or ())):
            if there not in {*self._names, *OTHER}:
                raise ConfigError(
                    f"{self.path}: params: unknown parameter {there!r}{_hint(there)}"
                )
        for there, here in self._names.items():
            parameter = declared.get(here)
            if there not in learned or parameter is None:
                continue
            bounds = params.parameter_ranges.get(there)
            if bounds is not None and bounds != parameter.bounds:
                low, high = parameter.bounds or bounds
                self.say(
                    f"params.parameter_ranges.{there}", f"{low:g} to {high:g}, as "
                    f"declared, in place of {bounds[0]:g} to {bounds[1]:g}"
                )  # fmt: skip
            listed = params.log_space_parameters
            log = parameter.spacing == "log"
            if listed is not None and log != (there in listed):
                self.say(
                    "params.log_space_parameters", f"{there!r} is learned in "
                    f"{parameter.spacing} space, as declared"
                )  # fmt: skip
        for there, value in params.defaults.items():
            parameter = declared.get(self._names.get(there, there))
            if there not in learned and parameter and parameter.default != value:
                self.say(
                    f"params.defaults.{there}", f"{parameter.default} in place of "
                    f"{value:g}"
                )  # fmt: skip

    # Training

    def _training(self) -> dict[str, Any]:
        run = self.ddr.experiment
        first, last = self._days
        days = (last - first).days + 1
        rho = run.rho or days
        if run.rho is None:
            self.say("experiment.rho", f"not given; windows of all {days} days")
        window = rho - run.warmup
        if window < 1:
            raise ConfigError(
                f"{self.path}: experiment.warmup: {run.warmup} days leave none of the "
                f"{rho} days of a window"
            )
        for remark in self._unlike():
            self.say(*remark)
        rates = list(run.learning_rate.values())
        if not rates:
            raise ConfigError(f"{self.path}: experiment.learning_rate: found nothing")
        return {
            # As many steps as passes over the gauges, each with one window.
            "epochs": run.epochs * window / days,
            "batch": 1, "warmup": run.warmup, "window": window,
            "optimizer": {"name": "adam", "rate": rates[0], "weight_decay": 0.0},
            "schedule": "none" if len(set(rates)) == 1 else "cosine",
            "gradient_clip": 1.0, "validate_every": 10, "checkpoint_every": 1,
        }  # fmt: skip

    def _unlike(self) -> Iterator[tuple[str, str]]:
        run, params = self.ddr.experiment, self.ddr.params
        if len(set(run.learning_rate.values())) > 1:
            steps = ", ".join(f"{n}: {rate:g}" for n, rate in run.learning_rate.items())
            yield (
                "experiment.learning_rate",
                f"from the first of {steps} down along a cosine, in place of steps",
            )
        if run.checkpoint is not None:
            yield (
                "experiment.checkpoint",
                f"{run.checkpoint} is not read, for it holds code; its KAN can be had "
                "by bmi_dmx.networks.pykan",
            )
        if not run.shuffle:
            yield "experiment.shuffle", "windows and gauges are drawn at random"
        if params.save_path is not None:
            yield "params.save_path", "runs lie in the folder runs"


def _hint(name: str) -> str:
    return suggestion(name, (*PARAMETERS, *LEAKANCE, *OTHER))
