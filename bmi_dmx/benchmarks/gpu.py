"""``dmx bench scan --device cuda``: scans and trainings on a GPU, in wall time.

What a GPU does cannot be seen in the CPU seconds of the process: a call is timed from
when the GPU is idle until it is again.
"""

from __future__ import annotations

import json
import logging
import statistics
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from ..compose import Model, ModelSpec, Moments, Statistics
from ..conversion import convert
from ..errors import DataError, ScanError
from ..scan.cuda import DEVICE
from .measure import Record
from .problems import STEPS, Problem, scan_with
from .report import RecordColumn, show

__all__ = ["run", "scans", "training_step"]

log = logging.getLogger(__name__)

PLACES = (100, 1000, 20_000)
"""Of scans; the last fills a GPU."""

BASINS, WARMUP, WINDOW, HIDDEN = 100, 365, 365, 256
"""Of a training step, and the width of its LSTM."""

EXPERIMENT = "camels_dynamic"
"""What is trained as a whole."""

_SAMPLES = 7


def run() -> list[Record]:
    """Measure, print and return all of it.

    Raises
    ------
    ScanError
        There is no GPU here.
    """
    if not torch.cuda.is_available():
        raise ScanError(
            f"--device cuda: there is no GPU here, or PyTorch {torch.__version__} does "
            "not see it; nothing was measured"
        )
    print(f"{torch.cuda.get_device_name()}\n")
    records = [*scans(PLACES, STEPS), training_step(), *_whole_training()]
    return [replace(record, sizes={**record.sizes, **_where()}) for record in records]


def _where() -> dict[str, str]:
    return {"gpu": torch.cuda.get_device_name(), "cuda": str(torch.version.cuda)}


def _idle() -> None:
    torch.cuda.synchronize()


def seconds_of(function: Callable[[], object]) -> float:
    """Return the wall seconds of a call, the median of some after a first one."""
    function()
    samples = []
    for _ in range(_SAMPLES):
        _idle()
        start = perf_counter()
        function()
        _idle()
        samples.append(perf_counter() - start)
    return statistics.median(samples)


def scans(places: Sequence[int], steps: int) -> list[Record]:
    """Measure scans of HBV 1.1p, constant and dynamic, and print them.

    Bandwidth is that of what a scan reads and writes at least once: series, parameters
    and what is kept for the way back.
    """
    records = [
        _scan(Problem.of(n, dynamic=dynamic, steps=steps).on(DEVICE))
        for dynamic in (False, True)
        for n in places
    ]
    show(
        records,
        "HBV 1.1p on a GPU, wall time",
        (
            RecordColumn("parameters", "parameters"),
            RecordColumn("locations", "locations"),
            RecordColumn("steps", "steps"),
            RecordColumn("no gradient, ms", "no_gradient_s", 1e3, ".3g"),
            RecordColumn("GB/s", "no_gradient_bytes_per_s", 1e-9, ".3g"),
            RecordColumn("both, ms", "both_s", 1e3, ".3g"),
            RecordColumn("both, GB/s", "both_bytes_per_s", 1e-9, ".3g"),
        ),
    )
    return records


def _scan(problem: Problem) -> Record:
    run = scan_with("cuda")
    with torch.no_grad():
        alone = seconds_of(lambda: run(problem))
    both = seconds_of(lambda: problem.backward(run(problem)))
    there, back = _bytes(problem)
    return Record(
        case="scan", implementation="cuda", sizes=problem.sizes(),
        more={
            "no_gradient_s": alone, "both_s": both,
            "no_gradient_bytes_per_s": there / alone,
            "both_bytes_per_s": (there + back) / both,
        },
    )  # fmt: skip


def _bytes(problem: Problem) -> tuple[int, int]:
    """Return what a scan reads and writes at least, there and on the way back."""
    series = _size(problem.forcing.values())
    parameters = _size(problem.parameters.values())
    runoff = problem.steps * problem.locations * 4
    there = series + parameters + runoff
    # Back, all is read again, and every parameter has a gradient.
    return there, there + parameters


def _size(tensors: Iterable[Tensor]) -> int:
    return sum(x.numel() * x.element_size() for x in tensors)


def training_step(
    basins: int = BASINS,
    warmup: int = WARMUP,
    window: int = WINDOW,
    hidden: int = HIDDEN,
) -> Record:
    """Measure a training step of δHBV 1.1p with an LSTM, and print it."""
    model, forcing, attributes = _model(basins, warmup + window, hidden)
    optimizer = torch.optim.Adam(model.parameters())
    observed = torch.rand(window, basins, device=DEVICE)

    def step() -> None:
        optimizer.zero_grad()
        ran = model.simulate(
            forcing, attributes, warmup=warmup, outputs=("streamflow",)
        )
        loss = (ran.outputs["streamflow"] - observed).square().mean()
        torch.autograd.backward(loss)
        optimizer.step()

    sizes: dict[str, str | int | float | None] = {
        "locations": basins, "warmup": warmup, "steps": warmup + window,
        "members": 16, "hidden": hidden,
    }  # fmt: skip
    record = Record(
        case="training step", implementation="cuda", sizes=sizes,
        more={"step_s": seconds_of(step)},
    )  # fmt: skip
    show(
        [record],
        "A training step of δHBV 1.1p with an LSTM, wall time",
        (
            RecordColumn("locations", "locations"),
            RecordColumn("steps", "steps"),
            RecordColumn("width", "hidden"),
            RecordColumn("ms", "step_s", 1e3, ".3g"),
        ),
    )
    return record


def _model(
    basins: int, steps: int, hidden: int
) -> tuple[Model, dict[str, Tensor], dict[str, Tensor]]:
    """Return an untrained model with made-up weather and attributes, on the GPU."""
    names = [f"attribute_{k}" for k in range(27)]
    drivers = ["precipitation", "air_temperature", "potential_evaporation"]
    dynamic = {
        "parameters": ["beta", "k0", "betaet"], "forcings": drivers,
        "attributes": names, "hidden": hidden,
    }  # fmt: skip
    settings = {
        "process": "hbv11p", "members": 16, "evaporation": "given",
        "static": {"attributes": names, "hidden": [128]}, "dynamic": dynamic,
    }  # fmt: skip
    spec = convert(settings, ModelSpec, "model")
    moments = {name: Moments(0.0, 1.0) for name in spec.network_inputs}
    model = Model(spec, Statistics(moments)).to(DEVICE)
    weather = Problem.of(basins, steps=steps, members=1).on(DEVICE).forcing
    attributes = {name: torch.rand(basins, device=DEVICE) for name in names}
    area = {n: torch.ones(basins, device=DEVICE) for n in model.attributes}
    return model, weather, {**area, **attributes}


def _whole_training() -> list[Record]:
    """Train on all the data of an experiment, where they are at hand."""
    from ..trainer.fit import train

    with tempfile.TemporaryDirectory() as folder:
        try:
            run = train(EXPERIMENT, ("training.device=cuda",), root=Path(folder))
        except DataError as error:
            log.warning("a whole training was not measured: %s", error)
            return []
        summary = json.loads((run / "training.json").read_text(encoding="utf-8"))
    print(f"{EXPERIMENT}: {summary['steps']} steps in {summary['seconds']:.0f} s\n")
    return [
        Record(
            case="training", implementation="cuda", sizes={"experiment": EXPERIMENT},
            more={"seconds": summary["seconds"], "training_steps": summary["steps"]},
        )
    ]  # fmt: skip
