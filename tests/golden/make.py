"""Write the golden numbers; run once, with the state before the great refactoring.

That state is commit 4c1edf4. In a checkout of it, with this folder copied to
``tests/golden`` and the package installed with its extra ``train``::

    OMP_NUM_THREADS=1 python -m tests.golden.make

With a later state it must not be run: what it writes would agree with anything. The
parts can be named, to make only them: ``bundle``, ``components``, ``ngen``,
``training``. All but the bundle goes through public doors of the package.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .cases import CASES, LSTM, run
from .framework import VARIANTS, run_framework, write_sample
from .records import Records, condensed, machine, write_records
from .training import MODELS, interrupted, train_whole

HERE = Path(__file__).parent
COMMIT = "4c1edf4"


def make_bundle() -> None:
    """Save a small model with an LSTM and weights that make members differ.

    What it is made of is internal to the state before; later states only load it.
    """
    # Sorting depends on which of these modules there still are.
    # isort: off
    import torch

    from bmi_dmx.bundle import save_bundle
    from bmi_dmx.models.hydrology.climate import CLIMATE, TOPOGRAPHY
    from bmi_dmx.models.delta import DeltaModel
    from bmi_dmx.models.spec import DynamicSpec, ModelSpec, StaticSpec
    from bmi_dmx.models.statistics import Moments, Statistics
    # isort: on

    moments = {
        "p_mean": Moments(3.0, 1.0),
        "t_mean": Moments(9.0, 6.0),
        "area_km2": Moments(5.0, 1.5, "log"),
        "elevation_mean": Moments(500.0, 400.0),
        "slope_mean": Moments(40.0, 40.0),
        "precipitation": Moments(1.2, 1.4, "sqrt"),
        "air_temperature": Moments(9.0, 10.0),
        "potential_evaporation": Moments(3.0, 2.0),
    }
    spec = ModelSpec(
        process="hbv11p",
        members=4,
        evaporation="hargreaves",
        static=StaticSpec(attributes=tuple(moments)[:5], hidden=(16,)),
        dynamic=DynamicSpec(
            parameters=("beta", "k0", "betaet"),
            forcings=tuple(moments)[5:],
            attributes=("p_mean", "elevation_mean"),
            hidden=8,
        ),
        transforms={"area_km2": "log", "precipitation": "sqrt"},
    )
    torch.manual_seed(7)
    model = DeltaModel(spec, Statistics(moments)).double().eval()
    for name, weight in model.named_parameters():
        if name.endswith("weight"):
            torch.nn.init.normal_(weight, std=0.7)
    provenance = {"sources": ["none: untrained"], "seeds": [7], "commit": COMMIT}
    save_bundle(
        model,
        LSTM,
        licence="Apache-2.0",
        provenance=provenance,
        scores={},
        about="untrained, to test that bundles of format 1 keep giving their numbers",
        attributes=[*CLIMATE, *TOPOGRAPHY],
        overwrite=True,
    )


def make_components() -> None:
    """Write the numbers of components."""
    groups: dict[str, Records] = {}
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            groups[case.name] = condensed(run(case, Path(folder)))
    write_records(HERE / "components.npz", groups)


def make_ngen() -> None:
    """Write the numbers of ``dmx ngen run``."""
    groups: dict[str, Records] = {}
    with tempfile.TemporaryDirectory() as shared:
        sample = write_sample(Path(shared) / "sample")
        for variant in VARIANTS:
            with tempfile.TemporaryDirectory() as folder:
                groups[variant] = run_framework(variant, sample, Path(folder))
    write_records(HERE / "ngen.npz", groups)


def make_training() -> None:
    """Write the weights of small trainings, which an interruption must not change."""
    groups: dict[str, Records] = {}
    for model in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            groups[model] = train_whole(model, Path(folder))
        with tempfile.TemporaryDirectory() as folder:
            again = interrupted(model, Path(folder))
        digests = [{n: r.digest for n, r in x.items()} for x in (groups[model], again)]
        if digests[0] != digests[1]:
            raise SystemExit(f"{model}: a resumed training gives other weights")
    write_records(HERE / "training.npz", groups)


PARTS: dict[str, Callable[[], None]] = {
    "bundle": make_bundle,
    "components": make_components,
    "ngen": make_ngen,
    "training": make_training,
}


def main(names: list[str]) -> None:
    """Make the parts that are named, or all, and say on what machine."""
    for name in names or PARTS:
        PARTS[name]()
    text = json.dumps({"commit": COMMIT, **machine()}, indent=2) + "\n"
    (HERE / "machine.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
