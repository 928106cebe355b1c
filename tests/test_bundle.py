"""Bundles: what is saved is what loads and runs; everything else is refused exactly."""

from __future__ import annotations

import contextlib
import json
import math
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import bmi_dmx.bundle.load as loading
from bmi_dmx.bundle import load_bundle, save_bundle
from bmi_dmx.bundle.manifest import block_digest, file_digest
from bmi_dmx.errors import BundleError
from bmi_dmx.models.delta import DeltaModel
from bmi_dmx.models.inputs import fit_statistics
from bmi_dmx.models.spec import DynamicSpec, ModelSpec, StaticSpec
from bmi_dmx.registry import Registry
from bmi_dmx.scan.evaluate import evaluate
from bmi_dmx.variables import Attribute

READS = ("aridity", "area_km2")
FILES = ("model.yaml", "weights.safetensors", "programs.json")
TEXTS = {
    "licence": "Apache-2.0",
    "provenance": {"commit": "12e5", "seeds": [1, 2], "period": "1980-10-01"},
    "scores": {"nse": np.float64(0.7)},
    "attributes": [Attribute(name="area_km2", units="km2", about="drainage area")],
}


def series(steps: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    days = np.arange(steps)[:, None] + np.zeros((1, 2))
    return {
        "precipitation": rng.exponential(4.0, days.shape),
        "air_temperature": rng.normal(3.0, 6.0, days.shape),
        "day_of_year": days % 365 + 1.0,
    }


PLACES = {
    "aridity": np.array([0.5, 1.5]),
    "area_km2": np.array([20.0, 3000.0]),
    "latitude": np.array([35.0, 45.0]),
}


def make(*, dynamic: bool = False, seed: int = 0) -> DeltaModel:
    head = DynamicSpec(
        parameters=("k0", "betaet"),
        forcings=("precipitation", "potential_evaporation"),
        attributes=("aridity",),
        hidden=5,
    )
    spec = ModelSpec(
        process="hbv11p",
        members=3,
        evaporation="oudin",
        static=StaticSpec(
            attributes=READS, hidden=(8,), activation="gelu", dropout=0.1
        ),
        dynamic=head if dynamic else None,
        transforms={"area_km2": "log", "precipitation": "sqrt"}
        if dynamic
        else {"area_km2": "log"},
    )
    torch.manual_seed(seed)
    return DeltaModel(spec, fit_statistics(spec, series(365), PLACES))


@pytest.fixture(scope="module", params=[False, True], ids=["static", "lstm"])
def model(request) -> DeltaModel:
    return make(dynamic=request.param)


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "river"
    save_bundle(make(dynamic=True), folder, **TEXTS)
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """Return a copy of a good bundle, to be spoiled."""
    return Path(shutil.copytree(saved, tmp_path / "river"))


def edit(folder: Path, change) -> None:
    """Change the manifest's data in place, without telling its hashes."""
    path = folder / "model.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")


def sign(folder: Path) -> None:
    """Make all hashes right, as who means to deceive would do."""

    def hashes(data):
        for name in data["sha256"]:
            data["sha256"][name] = (
                file_digest((folder / name).read_bytes())
                if name in FILES
                else block_digest(data[name])
            )

    edit(folder, hashes)


def change_weights(folder: Path, change) -> None:
    path = folder / "weights.safetensors"
    arrays = dict(safetensors.numpy.load_file(path))
    change(arrays)
    safetensors.numpy.save_file(arrays, path)
    sign(folder)


def change_programs(folder: Path, change) -> None:
    path = folder / "programs.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    sign(folder)


def refused(folder: Path, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        load_bundle(folder)


# What is saved is what loads and runs


def test_a_bundle_gives_back_the_model_bit_by_bit(model, tmp_path):
    bundle = save_bundle(model, tmp_path / "river", **TEXTS)
    again = bundle.model()
    assert not again.training
    assert again.spec == model.spec
    for name, weight in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight), name
    forcing = {n: torch.from_numpy(x) for n, x in series(50).items()}
    places = {n: torch.from_numpy(x) for n, x in PLACES.items()}
    first = model.eval().simulate(forcing, places)
    second = again.simulate(forcing, places)
    assert torch.equal(first.outputs["streamflow"], second.outputs["streamflow"])


def test_a_bundle_keeps_what_was_said_about_the_model(saved):
    bundle = load_bundle(saved)
    assert bundle.name == "river"
    assert bundle.manifest.licence == "Apache-2.0"
    assert bundle.manifest.provenance == TEXTS["provenance"]
    assert bundle.manifest.scores == {"nse": 0.7}
    attributes = {a.name: a for a in bundle.variables.attributes}
    assert attributes["area_km2"].units == "km2"
    assert attributes["latitude"].units == "degrees_north"
    forcings = [f.name for f in bundle.variables.forcings]
    assert forcings == ["precipitation", "air_temperature", "day_of_year"]


@pytest.mark.parametrize(
    ("dynamic", "step", "dt"),
    [(False, "daily", 1.0), (False, "hourly", 1.0 / 24.0), (True, "daily", 1.0)],
)
def test_programs_in_numpy_give_the_numbers_of_the_model(tmp_path, dynamic, step, dt):
    model = make(dynamic=dynamic)
    bundle = save_bundle(model, tmp_path / "river", **TEXTS)
    forcing = series(20)
    outputs = ("streamflow", "evaporation", "k0")
    with torch.no_grad():
        wanted = (
            bundle.model()
            .double()
            .simulate(
                {n: torch.from_numpy(x) for n, x in forcing.items()},
                {n: torch.from_numpy(x) for n, x in PLACES.items()},
                dt=dt,
                outputs=outputs,
            )
        )
    flows = run_programs(bundle, forcing, step, dt)
    for name in outputs:
        np.testing.assert_allclose(
            flows[name], wanted.outputs[name], rtol=1e-12, atol=1e-15, err_msg=name
        )


def run_programs(bundle, forcing, step: str, dt: float) -> dict[str, np.ndarray]:
    """Run a bundle day by day with NumPy alone."""
    variables, spec = bundle.variables, bundle.spec
    read = np.stack([PLACES[n] for n in spec.static.attributes], -1)
    fixed = run(bundle, "static", {"attributes": read, **bundle.constants})
    weight = fixed.pop(f"routing.weight@{step}")
    routed = {f"p.weight.{k}": w for k, w in enumerate(weight)}
    routed |= {f"s.in_transit.{k}": np.zeros(2) for k in range(len(weight) - 1)}
    stores = {
        f"s.{s.name}": np.full((2, 3), s.initial) for s in variables.process.states
    }
    memory = {}
    if variables.network is not None:
        memory = {
            f"network.{s.name}": np.zeros((2, s.size)) for s in variables.network.states
        }
    flows: dict[str, list[np.ndarray]] = {"streamflow": [], "evaporation": [], "k0": []}
    for t in range(len(forcing["precipitation"])):
        now = {f"f.{name}": x[t] for name, x in forcing.items()}
        found = run(bundle, "evaporation", {**now, "p.latitude": PLACES["latitude"]})
        now["f.potential_evaporation"] = found["q.potential_evaporation"]
        moving = {}
        if spec.dynamic is not None:
            drivers = np.stack([now[f"f.{n}"] for n in spec.dynamic.forcings], -1)
            places = np.stack([PLACES[n] for n in spec.dynamic.attributes], -1)
            moving = run(
                bundle, "dynamic",
                {"forcing": drivers, "attributes": places, **memory}
                | bundle.constants,
            )  # fmt: skip
            memory = {n: moving.pop(n) for n in memory}
        daily = {**fixed, **moving}
        rules = {f"f.{f.name}": f.per_step for f in variables.process.forcings}
        rules |= {f"p.{p.name}": p.per_step for p in variables.process.parameters}
        inputs = {
            n: per_step(x, rules.get(n, "none"), dt)
            for n, x in {**now, **daily}.items()
        }
        inputs = {n: x[:, None] if n.startswith("f.") else x for n, x in inputs.items()}
        found = run(bundle, "process", {**stores, **inputs})
        stores = {name: found[name] for name in stores}
        runoff = found["q.runoff"].mean(-1)
        through = run(bundle, f"routing@{step}", {**routed, "f.runoff": runoff})
        routed.update({n: x for n, x in through.items() if n.startswith("s.")})
        flows["streamflow"].append(through["q.streamflow"] / dt)
        flows["evaporation"].append(found["q.evaporation"].mean(-1) / dt)
        flows["k0"].append(daily["p.k0"].mean(-1))
    return {name: np.array(values) for name, values in flows.items()}


def run(bundle, name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    program = bundle.programs[name]
    return evaluate(program, {n: inputs[n] for n in program.inputs})


def per_step(x: np.ndarray, rule: str, dt: float) -> np.ndarray:
    if rule == "fraction":
        return 1.0 - (1.0 - x) ** dt
    return x * dt if rule == "rate" else x


def test_the_fingerprint_is_that_of_the_numbers(tmp_path):
    first = save_bundle(make(dynamic=True), tmp_path / "a", **TEXTS)
    same = save_bundle(make(dynamic=True), tmp_path / "b", **{**TEXTS, "scores": {}})
    other = save_bundle(make(dynamic=True, seed=1), tmp_path / "c", **TEXTS)
    assert first.fingerprint == same.fingerprint
    assert first.fingerprint != other.fingerprint


def test_shared_weights_cannot_be_changed(saved):
    bundle = load_bundle(saved)
    for arrays in (bundle.weights, bundle.constants):
        with pytest.raises(ValueError, match="read-only"):
            next(iter(arrays.values()))[...] = 0.0


def test_loading_needs_no_torch_and_making_the_model_leaves_its_random_numbers(saved):
    code = (
        "import sys; from bmi_dmx.bundle import load_bundle;"
        f"bundle = load_bundle({str(saved)!r}); assert 'torch' not in sys.modules;"
        "import torch; state = torch.get_rng_state(); bundle.model();"
        "assert torch.equal(state, torch.get_rng_state())"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_bundle_is_found_by_its_name(saved, monkeypatch):
    monkeypatch.setattr(loading, "bundles", Registry("bundle", {"dhbv-river": saved}))
    assert load_bundle("dhbv-river").path == saved
    with pytest.raises(BundleError, match=r"no such folder.*did you mean 'dhbv-river'"):
        load_bundle("dhbv-rivr")


# Saving


def test_an_older_bundle_is_replaced_only_on_request(saved, folder):
    with pytest.raises(BundleError, match="exists already"):
        save_bundle(make(dynamic=True, seed=1), folder, **TEXTS)
    assert load_bundle(folder).fingerprint == load_bundle(saved).fingerprint
    new = save_bundle(make(dynamic=True, seed=1), folder, **TEXTS, overwrite=True)
    assert new.fingerprint != load_bundle(saved).fingerprint
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("value", [object(), math.nan, {"deep": [1j]}])
def test_a_bundle_that_cannot_be_written_leaves_all_as_it_was(folder, value):
    before = {name: (folder / name).read_bytes() for name in FILES}
    with pytest.raises(BundleError, match=r"model\.yaml: scores: it: "):
        save_bundle(
            make(dynamic=True),
            folder,
            **{**TEXTS, "scores": {"it": value}},
            overwrite=True,
        )
    assert {name: (folder / name).read_bytes() for name in FILES} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_model_with_weights_that_are_no_numbers_is_not_saved(tmp_path):
    model = make(dynamic=True)
    with torch.no_grad():
        model.static.network.output.bias[0] = torch.nan
    with pytest.raises(BundleError, match=r"'static\.network\.output\.bias' has 1 of"):
        save_bundle(model, tmp_path / "river", **TEXTS)
    assert not list(tmp_path.iterdir())


# Everything else is refused


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    refused(folder, f"river: file '{name}' is missing")


@pytest.mark.parametrize("name", FILES[1:])
def test_a_truncated_file_is_refused(folder, name):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    refused(folder, rf"^\S+{name} \({len(content) // 2} bytes\): altered or truncated")


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_any_changed_byte_is_found(saved, tmp_path_factory, data):
    folder = Path(shutil.copytree(saved, tmp_path_factory.mktemp("spoilt") / "river"))
    path = folder / data.draw(st.sampled_from(FILES[1:]))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(
        st.integers(1, 255)
    )
    path.write_bytes(content)
    refused(folder, "altered or truncated")


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_manifest_is_refused_or_decides_the_same_numbers(
    saved, tmp_path_factory, data
):
    folder = Path(shutil.copytree(saved, tmp_path_factory.mktemp("spoilt") / "river"))
    path = folder / "model.yaml"
    content = bytearray(path.read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    content[start : start + data.draw(st.integers(0, 20))] = data.draw(
        st.binary(max_size=6)
    )
    path.write_bytes(content)
    with contextlib.suppress(BundleError):
        bundle, good = load_bundle(folder), load_bundle(saved)
        assert bundle.spec == good.spec
        assert bundle.variables == good.variables
        assert bundle.fingerprint == good.fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("licence"), r"model\.yaml: licence: missing"),
        (lambda d: d.pop("format"), r"model\.yaml: format: missing; expected 1"),
        (lambda d: d.update(format="1"), r"format: found '1', expected 1"),
        (lambda d: d.update(format=2), r"format: found version 2, .* reads up to 1"),
        (
            lambda d: d.update(licens="MIT"),
            r"licens: unknown key; did you mean 'licence'",
        ),
        (lambda d: d["model"].update(members=5), r"model\.yaml: model: altered"),
        (
            lambda d: d["model"].update(menbers=3),
            r"model\.menbers: unknown key.*'members'",
        ),
        (lambda d: d["model"].pop("process"), r"model\.process: missing"),
        (
            lambda d: d["statistics"]["aridity"].update(mean=9.0),
            r"model\.yaml: statistics: altered",
        ),
        (
            lambda d: d["variables"]["process"]["parameters"][0].update(bounds=[1, 7]),
            r"model\.yaml: variables: altered",
        ),
        (
            lambda d: d["sha256"].pop("programs.json"),
            r"sha256: 'programs\.json' is missing",
        ),
    ],
)
def test_a_changed_manifest_is_refused_by_key(folder, change, message):
    edit(folder, change)
    refused(folder, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: d["model"].update(members=5),
            r"p\.beta' has shape \(1, 3\).*\(1, 5\)",
        ),
        (
            lambda d: d["model"].pop("dynamic"),
            r"model: transforms: 'precipitation' is no input",
        ),
        (lambda d: d["model"].update(routing="none"), r"routing"),
        (lambda d: d["statistics"].pop("aridity"), r"statistics 'aridity' is missing"),
        (
            lambda d: d["statistics"]["aridity"].update(mean=9.0),
            r"statistics: aridity: mean is 9\.0, array 'static\.normalize\.mean' holds",
        ),
        (
            lambda d: d["weights"]["static.network.output.bias"].update(shape=[3]),
            r"'static\.network\.output\.bias' is float32\(38,\), expected .*\(3,\)",
        ),
        (
            lambda d: d["variables"]["process"]["parameters"][1].update(bounds=[1, 2]),
            r"static: output 'p\.fc' is .* outside its bounds 1\.0 to 2\.0",
        ),
        (lambda d: d["variables"].pop("routing"), r"variables: routing: missing"),
        (lambda d: d["model"]["static"].update(parameters=["fc"]), r"has no default"),
    ],
)
def test_a_manifest_that_does_not_fit_the_rest_is_refused(folder, change, message):
    edit(folder, change)
    sign(folder)
    refused(folder, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda w: w.update(extra=np.zeros(2, np.float32)),
            r"unexpected .*weights\.safetensors: array 'extra'",
        ),
        (
            lambda w: w.pop("static.network.output.bias"),
            r"array 'static\.network\.output\.bias' is missing",
        ),
        (
            lambda w: w.update({"static.normalize.mean": np.zeros(2)}),
            r"'static\.normalize\.mean' is float64\(2,\), expected float32\(2,\)",
        ),
        (
            lambda w: w["static.network.output.bias"].fill(np.inf),
            r"'static\.network\.output\.bias' has 38 of 38 values not finite",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(folder, change, message):
    change_weights(folder, change)
    refused(folder, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("process"), r"programs\.json: program 'process' is missing"),
        (lambda p: p.update(proces={**p["process"]}), r"unexpected .*program 'proces'"),
        (lambda p: p.update(process=[]), r"process: not a program"),
        (
            lambda p: p["process"]["instructions"][0].__setitem__(1, "system"),
            r"process: unknown operation 'system'",
        ),
        (
            lambda p: p["process"]["instructions"].pop(0),
            r"process: value 'v\d+' is used before assignment",
        ),
        (
            lambda p: p["process"]["instructions"][0][2].pop(),
            r"process: cannot be run",
        ),
        (
            lambda p: p["process"]["outputs"].pop("q.runoff"),
            r"process: output 'q\.runoff' is missing",
        ),
        (
            lambda p: p["static"]["inputs"].update({"w.static.other": "v999"}),
            r"unexpected .*static: input 'w\.static\.other'",
        ),
        (
            lambda p: p["static"]["outputs"].update({"p.fc": -1.0}),
            r"static: output 'p\.fc' has shape \(\)",
        ),
    ],
)
def test_programs_that_do_not_fit_are_refused_by_name(folder, change, message):
    change_programs(folder, change)
    refused(folder, message)


def test_programs_that_are_not_json_are_refused(folder):
    (folder / "programs.json").write_text("{", encoding="utf-8")
    sign(folder)
    refused(folder, r"programs\.json: not JSON")


def test_nothing_in_a_bundle_is_executed(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    (folder / "weights.safetensors").write_bytes(pickle.dumps(Trap()))
    sign(folder)
    refused(folder, r"weights\.safetensors: not a whole safetensors file")
    (folder / "model.yaml").write_text(
        f"!!python/object/apply:os.mkdir ['{tmp_path / 'sprung'}']", encoding="utf-8"
    )
    refused(folder, r"model\.yaml.*not valid YAML")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: d["variables"]["process"]["parameters"][1].update(
                bounds=[1, 2000]
            ),
            r"fc: bounds: found \(1\.0, 2000\.0\), .* declares \(50, 1000\)",
        ),
        (
            lambda d: d["variables"]["process"]["states"][0].update(initial=1.0),
            r"states: snowpack: initial: found 1\.0, .* declares 0\.001",
        ),
        (
            lambda d: d["model"]["static"].update(hidden=[9]),
            r"'static\.network\.hidden\.0\.weight' has shape \(8, 2\).*\(9, 2\)",
        ),
    ],
)
def test_a_model_is_not_rebuilt_with_another_meaning(folder, change, message):
    edit(folder, change)
    sign(folder)
    with pytest.raises(BundleError, match=message):
        load_bundle(folder).model()
