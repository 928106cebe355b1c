"""What `dmx demo` writes, prints and proves."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bmi_dmx import Component, load_bundle
from bmi_dmx.bundle import bundles
from bmi_dmx.demo.basin import gauges, rivers
from bmi_dmx.demo.operation import agreement
from bmi_dmx.demo.result import SHIPPED
from bmi_dmx.demo.run import demo
from bmi_dmx.errors import StateError
from bmi_dmx.trainer.tasks.basins.baselines import mid_range
from bmi_dmx.trainer.tasks.basins.data import DataSpec, read
from bmi_dmx.trainer.tasks.basins.data.stations import readable
from bmi_dmx.trainer.tasks.streamflow.metrics import score
from bmi_dmx.trainer.tasks.streamflow.results import read_streamflow

IDS = ["01439500", "01440000", "01445500", "01469500", "01474500"]
MODELS = {"trained", "untrained", "last_year"} | (
    {"conus"} if SHIPPED in bundles else set()
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    folder = tmp_path_factory.mktemp("demo") / "out"
    printed: list[str] = []
    settings = ["training.steps=10", f"data.basins={json.dumps(IDS)}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout.write", printed.append)
        result = demo(folder, settings)
    return SimpleNamespace(folder=folder, result=result, text="".join(printed))


def test_everything_is_there(ran: SimpleNamespace) -> None:
    names = {entry.name for entry in ran.folder.iterdir()}
    assert names == {
        "scores.csv", "summary.json", "streamflow.nc", "hydrographs.png", "map.png",
        "bundle", "training", "bmi",
    }  # fmt: skip
    for name in ("hydrographs.png", "map.png"):
        assert (ran.folder / name).read_bytes().startswith(b"\x89PNG")


def test_stepping_equals_the_batch_run(ran: SimpleNamespace) -> None:
    summary = json.loads((ran.folder / "summary.json").read_text(encoding="utf-8"))
    proof = summary["stepping_against_batch"]
    assert proof["values"] == 366 * len(IDS)
    assert proof["largest_relative_difference"] <= 1e-12
    flows = read_streamflow(ran.folder / "streamflow.nc")
    np.testing.assert_allclose(flows["simulated"], flows["batch"], rtol=1e-12)
    assert flows["simulated"].dtype == np.float64
    assert np.ptp(flows["simulated"]) > 1.0
    assert "Stepping equals the batch run" in ran.text


def test_the_water_balance_closes(ran: SimpleNamespace) -> None:
    rain = ran.result.data.forcing["precipitation"].sum()
    assert ran.result.imbalance < 1e-9 * rain


def test_scores_are_those_of_the_written_flow(ran: SimpleNamespace) -> None:
    flows = read_streamflow(ran.folder / "streamflow.nc")
    with open(ran.folder / "scores.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["basin_id"] for row in rows] == IDS
    series = {m: "simulated" if m == "trained" else m for m in MODELS}
    for model, name in series.items():
        expected = score(flows[name], flows["observed"], ["nse", "kge"])
        for metric, values in expected.items():
            scores = [float(row[f"{metric}_{model}"]) for row in rows]
            np.testing.assert_allclose(scores, values, rtol=1e-6)


def test_the_table_has_a_line_for_every_gauge_and_the_medians(
    ran: SimpleNamespace,
) -> None:
    lines = ran.text.splitlines()
    for name in IDS:
        assert any(line.startswith(name) for line in lines)
    (last,) = (line for line in lines if line.startswith("median "))
    nse = score(ran.result.flows["trained"], ran.result.data.target, ["nse"])["nse"]
    assert f"{np.median(nse):.2f}" in last
    heading = next(line for line in lines if line.startswith("gauge"))
    assert heading.split()[3:5] == ["NSE", "untrained"]
    assert max(map(len, lines)) <= 80


def test_what_was_run_can_be_run_again(ran: SimpleNamespace) -> None:
    component = Component()
    component.initialize(str(ran.folder / "bmi" / "trained" / "from_1980-01-01.yaml"))
    data = ran.result.data
    for name in (
        "precipitation",
        *(f"air_temperature{x}" for x in ("", "_min", "_max")),
    ):
        component.set_value(name, data.forcing[name][0].astype(float))
    component.update()
    streamflow = component.get_value_ptr("streamflow")
    assert (streamflow == ran.result.flows["trained"][0]).all()
    component.finalize()


def test_series_that_differ_are_refused(ran: SimpleNamespace) -> None:
    other = ran.result.batch.copy()
    other[3, 1] *= 1.0 + 1e-9
    with pytest.raises(StateError, match=r"differ: .* at gauge 01440000, 1980-01-04"):
        agreement(ran.result.batch, other, ran.result.data)
    other[3, 1] = np.nan
    with pytest.raises(StateError):
        agreement(ran.result.batch, other, ran.result.data)


def test_an_untrained_model_has_all_parameters_in_the_middle(
    ran: SimpleNamespace,
) -> None:
    bundle = load_bundle(ran.folder / "bundle")
    model = mid_range(bundle.model().spec, bundle.statistics)
    names = bundle.plan["static"].attributes
    attributes = {n: 1.0 + torch.rand(3, dtype=torch.float64) for n in names}
    parameters = model.constant_parameters(attributes)
    supplied = [parameter for _, parameter in bundle.plan.given()]
    assert {parameter.name for parameter in supplied} == parameters.keys()
    for parameter in supplied:
        assert parameter.bounds is not None
        middle = torch.tensor(sum(parameter.bounds) / 2)
        torch.testing.assert_close(
            parameters[parameter.name], middle.expand_as(parameters[parameter.name])
        )


def test_gauges_have_readable_names_and_lie_in_the_basin() -> None:
    stations = gauges(IDS)
    assert stations.names[0] == "Bush Kill at Shoemakers"
    assert ((stations.latitude > 38) & (stations.latitude < 43)).all()
    assert ((stations.longitude > -77) & (stations.longitude < -74)).all()
    assert (
        readable("TULPEHOCKEN CR. NEAR BERNVILLE, PA")
        == "Tulpehocken Creek near Bernville"
    )
    assert readable("St Jones River at Dover DE") == "St Jones River at Dover"


def test_rivers_are_connected_and_drain_what_lies_above() -> None:
    network = rivers()
    assert len(network.lines) == len(network.area) == 456
    ends = np.array(network.lines)
    assert np.isfinite(ends).all()
    # The lower end of a segment is the upper end of another one, but for the outlets.
    uppers = {tuple(x) for x in ends[:, 0]}
    loose = sum(tuple(x) not in uppers for x in ends[:, 1])
    assert loose == 6
    # Below Trenton the river drains more than its published area there.
    data = read(DataSpec(reader="delaware", basins=["01463500"]))
    assert network.area.max() > data.attributes["area_km2"][0]


def test_a_failed_proof_stops_the_demonstration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ran: SimpleNamespace
) -> None:
    from bmi_dmx.demo import run

    def other(*arguments: object) -> object:
        real = operate(*arguments)
        return replace(real, flow=real.flow + 1e-6)

    operate = run.operate
    monkeypatch.setattr(run, "operate", other)
    monkeypatch.setattr(
        run, "train", lambda *_, **__: next((ran.folder / "training").iterdir())
    )
    with pytest.raises(StateError, match="stepping and the batch run differ"):
        demo(tmp_path)
