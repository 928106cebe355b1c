"""The images are built and used, where the tools for it are there.

``buildah`` builds without a daemon, confined by chroot alone, and ``debootstrap`` makes
the root that stands in for the images that are built upon: it has the same Python.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from .commands_of_images import COMMANDS, TABLE

ROOT = Path(__file__).resolve().parents[1]
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
PYTHON = "docker.io/library/python:3.11.13-slim-bookworm"
NGIAB = "localhost/ngiab:stand-in"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

# The package manager of NGIAB's system by that of this one; its Python is in a folder.
DNF = """#!/bin/sh
set -e
[ "$1" = install ] || exit 0
apt-get update -qq
apt-get install --yes --no-install-recommends gcc libc6-dev
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("buildah") and shutil.which("debootstrap")),
        reason="buildah and debootstrap are not installed",
    ),
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux"
    ),
]


@dataclass(frozen=True)
class Engine:
    """Builds images in a storage of its own."""

    storage: Path

    def buildah(self, *arguments: str | Path, folder: Path = ROOT) -> str:
        """Return what a command of buildah says."""
        own = ["--root", self.storage / "root", "--runroot", self.storage / "run"]
        done = subprocess.run(
            ["buildah", *own, "--storage-driver", "vfs", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout.strip()

    def run(self, container: str, *command: str) -> str:
        """Return what a command says inside a container."""
        return self.buildah("run", "--isolation", "chroot", container, "--", *command)

    def build(self, name: str, **arguments: str) -> str:
        """Build an image, and return the name of a container made from it."""
        given = [x for k, v in arguments.items() for x in ("--build-arg", f"{k}={v}")]
        file = f"docker/Dockerfile.{name}"
        how = ["--isolation", "chroot", "--pull-never", "--format", "docker"]
        self.buildah("bud", *how, "-f", file, "-t", name, *given, ".")
        return self.buildah("from", "--pull-never", f"localhost/{name}")


def stand_in(engine: Engine, root: Path, name: str, steps: Mapping[str, str]) -> None:
    """Make an image of a root file system, after some steps of a shell in it."""
    container = engine.buildah("from", "scratch")
    engine.buildah("add", "-q", container, root, "/")
    if Path(CERTIFICATES).is_file():
        # Those of the machine, which may be behind a proxy.
        engine.buildah("copy", "-q", container, CERTIFICATES, CERTIFICATES)
        for variable in ("PIP_CERT", "SSL_CERT_FILE"):
            engine.buildah("config", "--env", f"{variable}={CERTIFICATES}", container)
    for step in steps.values():
        engine.run(container, "sh", "-ec", step)
    path = "/ngen/.venv/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    engine.buildah("config", "--env", f"PATH={path}", container)
    engine.buildah("commit", "-q", container, name)
    engine.buildah("rm", container)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with what stands in for the images that are built upon."""
    folder = tmp_path_factory.mktemp("images")
    root = folder / "root"
    options = ["--variant=minbase", f"--include={PACKAGES}"]
    made = subprocess.run(
        ["debootstrap", *options, "bookworm", root, MIRROR],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"debootstrap: {made.stdout.strip().splitlines()[-1:]}")
    engine = Engine(folder / "storage")
    usual = {
        "command": "ln -sf /usr/bin/python3 /usr/local/bin/python",
        # The Python of an image is nobody else's.
        "packages": "rm -f /usr/lib/python3*/EXTERNALLY-MANAGED",
    }
    stand_in(engine, root, PYTHON, usual)
    pins = (ROOT / "docker" / "ngiab.txt").read_text(encoding="utf-8")
    lines = [line for line in pins.splitlines() if not line.startswith("#")]
    host = {
        "environment": "python3 -m venv /ngen/.venv",
        "packages": f"/ngen/.venv/bin/pip install -q {shlex.join(lines)}",
        "manager": f"printf %s {shlex.quote(DNF)} > /usr/bin/dnf",
        "rights": "chmod +x /usr/bin/dnf",
    }
    stand_in(engine, root, NGIAB, host)
    yield engine
    engine.buildah("rm", "--all")
    engine.buildah("rmi", "--all", "--force")


@pytest.mark.parametrize("image", ["standalone", "ngiab"])
def test_an_image_is_built_and_runs_domains(engine: Engine, image: str) -> None:
    arguments = {"NGIAB_IMAGE": NGIAB} if image == "ngiab" else {}
    container = engine.build(image, **arguments)
    assert engine.run(container, "id", "-u") == "1000"
    folder = engine.run(container, "mktemp", "-d")
    for line, expected in {shlex.join(["python", "-c", TABLE]): "", **COMMANDS}.items():
        told = engine.run(container, "sh", "-ec", f"cd {folder}; {line}")
        assert expected in told, line
    if image == "ngiab":
        versions = engine.run(container, "python", "-m", "pip", "list")
        assert ["numpy", "1.26.4"] in [line.split() for line in versions.splitlines()]
