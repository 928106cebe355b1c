"""The images are built and used, where the tools for it are there.

`make images` writes the sizes and times that are recorded on the way.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from bmi_dmx import DeltaHbv

from .commands_of_images import COMMANDS, MEASURED, TABLE
from .image_engine import (
    NGIAB,
    ROOT,
    Container,
    Engine,
    OutOfReach,
    debian,
    stand_in_for_ngiab,
    stand_in_for_python,
)

pytestmark = [
    pytest.mark.release,
    pytest.mark.skipif(
        not (shutil.which("buildah") and shutil.which("debootstrap")),
        reason="buildah and debootstrap are not installed",
    ),
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux"
    ),
]

Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with what stands in for the images that are built upon."""
    folder = tmp_path_factory.mktemp("images")
    try:
        root = debian(folder)
    except OutOfReach as reason:
        pytest.skip(str(reason))
    engine = Engine(folder / "storage")
    stand_in_for_python(engine, root)
    stand_in_for_ngiab(engine, root)
    yield engine
    engine.clear()


@pytest.fixture(scope="module")
def standalone(engine: Engine) -> Container:
    engine.build("standalone")
    return engine.container("localhost/standalone")


@pytest.fixture(scope="module")
def ngiab(engine: Engine) -> Container:
    engine.build("ngiab", NGIAB_IMAGE=NGIAB)
    return engine.container("localhost/ngiab")


@pytest.fixture(scope="module")
def serve(engine: Engine) -> Container:
    engine.build("standalone", target="serve")
    return engine.container("localhost/serve")


@pytest.fixture(params=["standalone", "ngiab", "serve"])
def image(request: pytest.FixtureRequest) -> Container:
    """Each image in turn."""
    container: Container = request.getfixturevalue(request.param)
    return container


def test_an_image_runs_domains(image: Container, record_property: Record) -> None:
    folder = image.run("mktemp", "-d")
    image.run("sh", "-ec", f"cd {folder}; {shlex.join(['python', '-c', TABLE])}")
    for line, expected in COMMANDS.items():
        began = time.perf_counter()
        output = image.run("python", "-c", MEASURED, f"cd {folder}; {line}")
        seconds = time.perf_counter() - began
        text, _, usage = output.rpartition("\n")
        assert expected in text, line
        processor, memory = json.loads(usage)
        costs = f"{processor:.1f} s of a processor, {seconds:.1f} s, {memory} MB"
        record_property(shlex.join(shlex.split(line)[:3]), costs)
    for name, (processor, seconds) in image.engine.seconds.items():
        costs = f"{processor:.0f} s of a processor, {seconds:.0f} s"
        record_property(f"build {name}", costs)
    record_property("size", f"{image.megabytes} MB")


@pytest.mark.parametrize("name", ["standalone", "ngiab"])
def test_an_image_looks_after_itself(name: str, request: pytest.FixtureRequest) -> None:
    image: Container = request.getfixturevalue(name)
    kind, *check = image.settings["Healthcheck"]["Test"]
    assert kind == "CMD"
    assert "dhbv-conus-daily: whole" in image.run(*check)


def test_an_image_says_what_it_is_and_is_not_run_as_root(image: Container) -> None:
    assert "bmi_dmx" in image.settings["Labels"]["org.opencontainers.image.title"]
    assert image.settings["User"] == image.run("id", "-u") == "1000"


@pytest.mark.parametrize("name", ["standalone", "serve"])
def test_a_container_stops_when_it_is_told_to(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Its first process gets no signal but those that Python listens to."""
    image: Container = request.getfixturevalue(name)
    assert image.settings["StopSignal"] == "SIGINT"


def test_a_volume_made_for_an_image_may_be_written_to(standalone: Container) -> None:
    """Such a volume is owned like the folder where it is put."""
    assert standalone.settings["WorkingDir"] == "/data"
    assert standalone.run("stat", "--format", "%u %g %a", "/data") == "1000 0 775"


def test_an_image_has_no_compiler_and_makes_no_kernels(image: Container) -> None:
    look = "command -v gcc cc clang || true; ls -A ~/.cache 2>/dev/null || true"
    assert image.run("sh", "-c", look) == ""


def test_whoever_owns_the_folder_may_run(image: Container, tmp_path: Path) -> None:
    """Somebody without a name or a home in the image, all of which is read-only."""
    os.chown(tmp_path, 4321, 4321)
    table = shlex.join(["python", "-W", "error", "-c", TABLE])
    try:
        image.sealed(table, user="4321:4321", mount=tmp_path)
    except OutOfReach as reason:
        pytest.skip(str(reason))
    for line, expected in COMMANDS.items():
        assert expected in image.sealed(line, user="4321:4321", mount=tmp_path), line
    assert (tmp_path / "domain" / "sample.gpkg").stat().st_uid == 4321
    assert "Read-only file system" in image.sealed(
        "touch /tmp/x /opt/bmi_dmx/x 2>&1 || true", user="0:0", mount=tmp_path
    )


def test_the_image_is_the_command_line(standalone: Container) -> None:
    (command,) = standalone.settings["Entrypoint"]
    assert command == "dmx"
    assert standalone.run(command, *standalone.settings["Cmd"]).startswith("usage: dmx")


def test_what_ngiab_brought_is_left_as_it_was(engine: Engine, ngiab: Container) -> None:
    ask = "from importlib.metadata import distributions as d\n"
    ask += "print(*sorted(f'{x.name}=={x.version}' for x in d()))"
    before = set(engine.container(NGIAB).run("python", "-c", ask).split())
    after = set(ngiab.run("python", "-c", ask).split())
    assert {"numpy==1.26.4", "netCDF4==1.6.3"} <= before <= after
    assert not any(name.startswith(("torch==", "black==")) for name in after)


@pytest.fixture
def port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        number: int = probe.getsockname()[1]
        return number


def test_a_component_in_an_image_is_stepped_over_grpc(
    serve: Container, port: int, tmp_path: Path
) -> None:
    grpc = pytest.importorskip("grpc")
    client = pytest.importorskip("grpc4bmi.bmi_grpc_client")
    metadata = pytest.importorskip("model_metadata.api")
    metadata.stage("bmi_dmx:DeltaHbv", str(tmp_path))
    tmp_path.chmod(0o755)
    command = [*(serve.settings["Entrypoint"] or ()), *serve.settings["Cmd"]]
    assert serve.settings["ExposedPorts"] == {"55555/tcp": {}}
    start = ["env", f"BMI_PORT={port}", *command]
    server = subprocess.Popen(serve.command(*start, mount=tmp_path), cwd=ROOT)
    try:
        channel = grpc.insecure_channel(f"localhost:{port}")
        grpc.channel_ready_future(channel).result(timeout=60)
        kind, *check = serve.settings["Healthcheck"]["Test"]
        assert kind == "CMD"
        serve.run("env", f"BMI_PORT={port}", *check)
        served, local = client.BmiClient(channel), DeltaHbv()
        served.initialize("/data/component.yaml")
        local.initialize(str(tmp_path / "component.yaml"))
        for day in range(10):
            for model in (served, local):
                for name in model.get_input_var_names():
                    model.set_value(name, np.array([2.0 * day]))
                model.update()
        flows = [
            model.get_value("streamflow", np.empty(1)) for model in (served, local)
        ]
        assert flows[0] > 0.0
        np.testing.assert_allclose(*flows, rtol=1e-9)
        served.finalize()
    finally:
        server.terminate()
        server.wait(timeout=60)
    with pytest.raises(AssertionError, match="ConnectionRefused"):
        serve.run("env", f"BMI_PORT={port}", *check)
