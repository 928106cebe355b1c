"""Container images made without a daemon, and what stands in for those built upon.

``buildah`` builds and runs them confined by chroot alone; ``debootstrap`` makes the
root of a small Debian, which has the same Python as the images that are built upon.
"""

from __future__ import annotations

import json
import os
import resource
import shlex
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

PYTHON = "docker.io/library/python:3.11.13-slim-bookworm"
NGIAB = "localhost/ngiab:stand-in"
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

# The package manager of NGIAB's system, played by that of this one.
DNF = """#!/bin/sh
set -e
[ "$1" = install ] || exit 0
apt-get update -qq
apt-get install --yes --no-install-recommends gcc libc6-dev
"""


_SEAL = """
mkdir -p "$1/data"
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --bind "$2" "$1/data"
mount -o remount,bind,ro "$1"
"""
"""Steps that make a root read-only but for a folder."""


class OutOfReach(Exception):
    """What an image is made of cannot be had here."""


@dataclass(frozen=True)
class Container:
    """A container made from an image, in which commands are run."""

    engine: Engine
    name: str

    def command(
        self, *command: str, user: str = "", mount: Path | None = None
    ) -> list[str]:
        """Return the command line that runs a command in here.

        Parameters
        ----------
        *command : str
            What is run.
        user : str, optional
            Who runs it, instead of the user of the image.
        mount : Path, optional
            A folder that the container sees as ``/data``.
        """
        how = ["run", "--isolation", "chroot"]
        if user:
            how += ["--user", user]
        if mount is not None:
            how += ["--volume", f"{mount}:/data"]
        return self.engine.command(*how, self.name, "--", *command)

    def run(self, *command: str, user: str = "", mount: Path | None = None) -> str:
        """Return what a command says; it has to succeed."""
        return succeed(self.command(*command, user=user, mount=mount))

    def sealed(self, line: str, *, user: str, mount: Path) -> str:
        """Return what a line of a shell says where all but ``/data`` is read-only.

        Parameters
        ----------
        line : str
            What is run, in ``/data``.
        user : str
            Numbers of a user and a group; there is no home.
        mount : Path
            A folder that is seen as ``/data``.

        Raises
        ------
        OutOfReach
            When the system does not let folders be mounted.
        """
        root = self.engine.buildah("mount", self.name)
        variables = [*self.settings["Env"], "HOME=/nowhere"]
        inside = ["chroot", f"--userspec={user}", root, "env", "-i", *variables]
        inside += ["sh", "-ec", f"cd /data; {line}"]
        unshared = ["unshare", "--mount", "sh", "-ec"]
        if subprocess.run(
            [*unshared, "mount -t proc proc /proc"], check=False
        ).returncode:
            raise OutOfReach("nothing can be mounted")
        steps = _SEAL + shlex.join(inside)
        return succeed([*unshared, steps, "sh", root, str(mount)])

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the image says of how it is to be run, in Docker's words."""
        inspection = json.loads(self.engine.buildah("inspect", self.name))
        settings: dict[str, Any] = inspection["Docker"]["config"]
        return settings

    @cached_property
    def megabytes(self) -> int:
        """The size of all files."""
        root = self.engine.buildah("mount", self.name)
        return int(succeed(["du", "-sm", root]).split()[0])


@dataclass(frozen=True)
class Engine:
    """Builds images in a storage of its own."""

    storage: Path
    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """How long each image took to build: seconds of a processor, and of the clock."""

    @cached_property
    def driver(self) -> str:
        """Layers as mounts, or as copies where the system refuses mounts."""
        probe = [*self._own("overlay"), "from", "scratch"]
        process = subprocess.run(probe, capture_output=True, check=False)
        return "vfs" if process.returncode else "overlay"

    def _own(self, driver: str) -> list[str]:
        root, run = self.storage / driver, self.storage / "run"
        where = ["--root", str(root), "--runroot", str(run)]
        return ["buildah", *where, "--storage-driver", driver]

    def command(self, *arguments: str | Path) -> list[str]:
        """Return a command line of buildah with this storage."""
        return [*self._own(self.driver), *map(str, arguments)]

    def buildah(self, *arguments: str | Path) -> str:
        """Return what a command of buildah says."""
        return succeed(self.command(*arguments))

    def build(self, name: str, target: str = "", **arguments: str) -> None:
        """Build an image from its file in ``docker``."""
        # Another format keeps no check of health; targets share their layers.
        how = shlex.split("--isolation chroot --pull-never --layers --format docker")
        how += [x for k, v in arguments.items() for x in ("--build-arg", f"{k}={v}")]
        how += ["--target", target] if target else []
        tag = target or name
        began = _seconds()
        file = f"docker/Dockerfile.{name}"
        self.buildah("bud", *how, "--file", file, "--tag", tag, ROOT)
        processor, clock = (
            now - before for now, before in zip(_seconds(), began, strict=True)
        )
        self.seconds[tag] = processor, clock

    def container(self, image: str) -> Container:
        """Return a container made from an image of this storage."""
        return Container(self, self.buildah("from", "--pull-never", image))

    def clear(self) -> None:
        """Remove all containers and images."""
        self.buildah("rm", "--all")
        self.buildah("rmi", "--all", "--force")


def _seconds() -> tuple[float, float]:
    """Return what processes have used that are done, and what the clock says."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime, time.perf_counter()


def succeed(command: Sequence[str]) -> str:
    """Return what a command says; it has to succeed."""
    process = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout[-4000:] + process.stderr[-4000:]
    return process.stdout.strip()


def debian(folder: Path) -> Path:
    """Return the root of a small Debian with Python."""
    root = folder / "debian"
    options = ["--variant=minbase", f"--include={PACKAGES}"]
    process = subprocess.run(
        ["debootstrap", *options, "bookworm", root, MIRROR],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if process.returncode:
        raise OutOfReach(f"debootstrap: {process.stdout.strip().splitlines()[-1:]}")
    return root


def stand_in_for_python(engine: Engine, root: Path) -> None:
    """Make an image in place of that of Python."""
    steps = (
        "ln -sf /usr/bin/python3 /usr/local/bin/python",
        # The Python of an image is nobody else's.
        "rm -f /usr/lib/python3*/EXTERNALLY-MANAGED",
    )
    _commit(engine, _bare(engine, root), steps, PYTHON, PATH)


def stand_in_for_ngiab(engine: Engine, root: Path) -> None:
    """Make an image in place of NGIAB: an environment by uv, pins, another manager."""
    pins = (ROOT / "docker" / "ngiab.txt").read_text(encoding="utf-8")
    lines = [line for line in pins.splitlines() if not line.startswith("#")]
    steps = (
        "pip install --quiet --break-system-packages --root-user-action ignore uv",
        "uv venv --quiet --python /usr/bin/python3 /ngen/.venv",
        f"uv pip install --quiet --python /ngen/.venv/bin/python {shlex.join(lines)}",
        f"printf %s {shlex.quote(DNF)} > /usr/bin/dnf && chmod +x /usr/bin/dnf",
    )
    _commit(engine, _bare(engine, root), steps, NGIAB, f"/ngen/.venv/bin:{PATH}")


def _bare(engine: Engine, root: Path) -> Container:
    """Return a container with a root and the certificates of this machine."""
    container = Container(engine, engine.buildah("from", "scratch"))
    engine.buildah("add", "--quiet", container.name, root, "/")
    if Path(CERTIFICATES).is_file():
        # The machine may be behind a proxy.
        engine.buildah("copy", "--quiet", container.name, CERTIFICATES, CERTIFICATES)
        for variable in ("PIP_CERT", "SSL_CERT_FILE"):
            setting = f"{variable}={CERTIFICATES}"
            engine.buildah("config", "--env", setting, container.name)
    return container


def _commit(
    engine: Engine, container: Container, steps: Sequence[str], image: str, path: str
) -> None:
    """Make an image of a container after some steps of a shell in it."""
    for step in steps:
        container.run("sh", "-ec", step)
    engine.buildah("config", "--env", f"PATH={path}", container.name)
    engine.buildah("commit", "--quiet", container.name, image)
    engine.buildah("rm", container.name)
