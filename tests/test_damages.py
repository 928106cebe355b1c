"""Whatever was done to a file, reading it ends in a typed error or in good numbers.

Damaged content is sealed anew where the seal would catch everything, so that what
stands behind the seal is tried as well; then the numbers may be others, but are some.
The profile ``thorough`` of Hypothesis tries thousands of each.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmi_dmx import Component
from bmi_dmx.bundle import load_bundle
from bmi_dmx.bundle.manifest import block_digest, file_digest
from bmi_dmx.compose import Model
from bmi_dmx.config import as_yaml
from bmi_dmx.errors import DmxError
from bmi_dmx.kernels.stepper import kernels_listed
from bmi_dmx.operate.operation import Operation
from bmi_dmx.operate.persistence import pack, unpack
from bmi_dmx.trainer.checkpoint import OWN, AtomicCheckpoints, load_model
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.registries import experiments
from tests.bmi.untrained import START, attributes, run, static, weather
from tests.damage import arrays_damaged, bytes_damaged, data_damaged, examples
from tests.operate.models import places, running, series
from tests.operate.models import run as run_without_bmi
from tests.operate.models import saved as workshop
from tests.systems import BLOCK, made

Arrays = dict[str, np.ndarray[Any, Any]]

quick = settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))

OLD = Path(__file__).parent / "golden" / "lstm-format-1"
FILES = ("model.yaml", "weights.safetensors", "programs.json")
PARTS = {
    "share": {
        "network": "mlp", "options": {"hidden": [4]}, "attributes": ["age"],
        "gives": ["share"],
    },
    "tank": {"process": "tank", "members": 2},
    "line": {"process": "line"},
}  # fmt: skip


@contextmanager
def typed() -> Iterator[None]:
    """Pass over refusals of one line; any other error is a failure."""
    refusal: DmxError | None = None
    try:
        yield
    except DmxError as error:
        refusal = error
    if refusal is not None:
        # What nobody expected is put into the base class where hosts look on.
        assert type(refusal) is not DmxError, repr(refusal.__cause__)
        assert "\n" not in str(refusal)
        assert len(str(refusal)) < 2000


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workshop(tmp_path_factory.mktemp("damages"), PARTS).path


def outputs(folder: Path) -> Arrays:
    """Return what a bundle gives in some steps, without kernels.

    Nothing of one that takes in what nobody here has.
    """
    with kernels_listed():
        loaded = load_bundle(folder)
        operation = Operation(loaded, loaded.manifest.seconds, loaded.manifest.seconds)
        names = {a.name for a in (*operation.attributes, *operation.forcings)}
        if not names <= {*places(), *series(3)}:
            return {}
        return run_without_bmi(running(operation), series(3), range(3))


def sealed(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a manifest with right hashes, where it still has room for them."""
    hashes = data.get("sha256")
    for name in list(hashes) if isinstance(hashes, dict) else ():
        if name in FILES:
            hashes[name] = file_digest((folder / name).read_bytes())
        elif name in data:
            hashes[name] = block_digest(data[name])
    return data


def spoil(draw: Any, folder: Path, name: str) -> None:
    path = folder / name
    if name == FILES[0]:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        keys = [
            "parts", "steps", "statistics", "weights", "attributes", "model",
            "variables", None,
        ]  # fmt: skip
        key = draw(st.sampled_from(keys))
        if key is None or not data.get(key):
            data = data_damaged(draw, data)
        else:
            data[key] = data_damaged(draw, data[key])
        try:
            path.write_text(as_yaml(sealed(data, folder)), encoding="utf-8")
        except (ValueError, TypeError):
            path.write_text(as_yaml(data), encoding="utf-8")
        return
    if name == FILES[1]:
        arrays = arrays_damaged(draw, safetensors.numpy.load_file(path))
        path.write_bytes(safetensors.numpy.save(arrays))
    else:
        data = json.loads(path.read_text(encoding="utf-8"))
        key = draw(st.sampled_from([*data, None]))
        if key is None:
            data = data_damaged(draw, data)
        else:
            data[key] = data_damaged(draw, data[key])
        path.write_text(json.dumps(data), encoding="utf-8")
    seal(folder)


def seal(folder: Path) -> None:
    path = folder / FILES[0]
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(as_yaml(sealed(data, folder)), encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@quick
def test_a_damaged_and_sealed_bundle(
    bundle: Path, tmp_path_factory: pytest.TempPathFactory, name: str, data: Any
) -> None:
    folder = tmp_path_factory.mktemp("sealed", numbered=True) / "bundle"
    shutil.copytree(bundle, folder)
    spoil(data.draw, folder, name)
    with typed():
        for values in outputs(folder).values():
            assert not np.isinf(values).any()
    shutil.rmtree(folder.parent)


@given(data=st.data())
@quick
def test_a_damaged_and_sealed_bundle_of_format_1(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    folder = tmp_path_factory.mktemp("format-1", numbered=True) / "bundle"
    shutil.copytree(OLD, folder)
    spoil(data.draw, folder, data.draw(st.sampled_from([FILES[0], FILES[2]])))
    with typed():
        load_bundle(folder)
    shutil.rmtree(folder.parent)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@quick
def test_a_bundle_of_damaged_bytes(
    bundle: Path, tmp_path_factory: pytest.TempPathFactory, name: str, data: Any
) -> None:
    folder = tmp_path_factory.mktemp("bytes", numbered=True) / "bundle"
    shutil.copytree(bundle, folder)
    path = folder / name
    path.write_bytes(bytes_damaged(data.draw, path.read_bytes()))
    arrays = outputs(bundle)
    with typed():
        for output, values in outputs(folder).items():
            np.testing.assert_array_equal(values, arrays[output])
    if name != FILES[0]:
        seal(folder)
        with typed():
            load_bundle(folder)
    shutil.rmtree(folder.parent)


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory, bundle_of: Any) -> Any:
    """Return the settings of a component, and a way to start from others."""
    folder = tmp_path_factory.mktemp("configured")
    usual = {
        "bundle": str(bundle_of(static())), "start_time": START, "time_step": "daily",
        "locations": {"ids": ["a", "b", "c"], "attributes": attributes(3)},
        "forcing_policy": {"precipitation": "hold"}, "outputs": ["streamflow"],
        "attribute_defaults": {"elevation": 300.0}, "state": "cold", "units": "model",
        "end_time": "1980-12-01", "day_start_hour": 0, "parts": {},
    }  # fmt: skip

    def begun(content: str) -> Component:
        path = folder / "component.yaml"
        path.write_text(content, encoding="utf-8", errors="surrogatepass")
        component = Component()
        component.initialize(str(path))
        return component

    return usual, begun


def steps(component: Component, first: int, count: int = 3) -> Arrays:
    n = len(component.runner.ids)
    return run(component, weather(12, n), range(first, first + count), ("runoff",))


@given(data=st.data())
@quick
def test_a_damaged_configuration_of_a_component(configured: Any, data: Any) -> None:
    usual, begun = configured
    with typed():
        component = begun(as_yaml(data_damaged(data.draw, usual)))
        for values in steps(component, 0).values():
            assert np.isfinite(values).all()


@given(data=st.data())
@quick
def test_a_configuration_of_damaged_bytes(configured: Any, data: Any) -> None:
    usual, begun = configured
    content = bytes_damaged(data.draw, as_yaml(usual).encode())
    with typed():
        steps(begun(content.decode("utf-8", "replace")), 0)


@given(data=st.data())
@quick
def test_a_damaged_experiment(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    name = data.draw(st.sampled_from(sorted(experiments())))
    plain = yaml.safe_load(experiments()[name].read_text(encoding="utf-8"))
    path = tmp_path_factory.getbasetemp() / "experiment.yaml"
    path.write_text(as_yaml(data_damaged(data.draw, plain)), encoding="utf-8")
    with typed():
        load_experiment(path)


@pytest.fixture(scope="module")
def state(configured: Any) -> Callable[[], tuple[bytes, Component, Arrays]]:
    """Return what gives a state, a component to restore it, and what comes of it."""
    usual, begun = configured
    one, other = begun(as_yaml(usual)), begun(as_yaml(usual))
    steps(one, 0)
    content = one.state_bytes()
    arrays = steps(one, 3)
    return lambda: (content, other, arrays)  # is shown in few words where a test fails


def restored(component: Component, content: bytes, how: str) -> Arrays:
    if how == "bytes":
        component.set_state_bytes(content)
    else:
        payload = np.frombuffer(content, np.uint8)
        component.set_value(f"{how}serialization_state", payload)
    return steps(component, 3)


@pytest.mark.parametrize("how", ["bytes", "ngen::", ""])
@given(data=st.data())
@quick
def test_a_damaged_and_sealed_state(state: Any, how: str, data: Any) -> None:
    content, component, _ = state()
    arrays, owner = unpack(content, "", {})
    if data.draw(st.booleans()):
        arrays = arrays_damaged(data.draw, arrays)
    else:
        owner = {k: str(v) for k, v in data_damaged(data.draw, owner).items()}
    with typed():
        for values in restored(component, pack(arrays, owner), how).values():
            assert np.isfinite(values).all()


@given(data=st.data())
@quick
def test_a_state_of_damaged_bytes(state: Any, data: Any) -> None:
    content, component, arrays = state()
    damaged = bytes_damaged(data.draw, content)
    with typed():
        for name, values in restored(component, damaged, "bytes").items():
            np.testing.assert_array_equal(values, arrays[name])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model]:
    path, model = tmp_path_factory.mktemp("checkpoint") / "x.ckpt", made(BLOCK)
    content = {
        "state_dict": {f"model.{n}": x for n, x in model.state_dict().items()},
        OWN: {
            "layout": 3, "statistics": model.statistics.to_dict(), "facts": {"n": 3},
        },
    }  # fmt: skip
    AtomicCheckpoints().save_checkpoint(content, path)
    return path, model


@given(data=st.data())
@quick
def test_a_checkpoint_of_damaged_bytes(checkpoint: Any, data: Any) -> None:
    path, model = checkpoint
    other = path.with_name("damaged.ckpt")
    other.write_bytes(bytes_damaged(data.draw, path.read_bytes()))
    with typed():
        weights = load_model(other, model.spec).state_dict()
        assert all(torch.equal(weights[n], x) for n, x in model.state_dict().items())


@given(data=st.data())
@quick
def test_a_damaged_and_sealed_checkpoint(checkpoint: Any, data: Any) -> None:
    path, model = checkpoint
    other = path.with_name("damaged.ckpt")
    content = torch.load(path, weights_only=True)
    where = data.draw(st.sampled_from(["weights", "own", "keys"]))
    if where == "weights":
        arrays = {n: x.numpy() for n, x in content["state_dict"].items()}
        remains = arrays_damaged(data.draw, arrays)
        numbers = {n: x for n, x in remains.items() if x.dtype != np.uint64}
        content["state_dict"] = {n: torch.from_numpy(x) for n, x in numbers.items()}
    elif where == "own":
        content[OWN] = data_damaged(data.draw, content[OWN])
    else:
        key = data.draw(st.sampled_from(sorted(content)))
        content[key] = data.draw(st.sampled_from([None, [], {}, 1.0, "x"]))
    AtomicCheckpoints().save_checkpoint(content, other)
    with typed():
        load_model(other, model.spec)
