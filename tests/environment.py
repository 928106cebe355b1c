"""Virtual environments of their own, in which what is built is installed and used."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bmi_dmx.kernels.build import compiler as compiler_here

TOOLS = ("sh", "env", "chmod")
KEPT = (
    "LANG", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT",
    "PIP_CONFIG_FILE", "HTTPS_PROXY", "SSL_CERT_FILE",
)  # fmt: skip
UNREACHABLE = re.compile("No matching distribution|connection")
QUICK = "quick-cc"
"""A compiler that does not optimise: the numbers of optimised kernels are looked at in
``tests/scan``, where a kernel is compiled once for many questions."""


@dataclass(frozen=True)
class Environment:
    """An environment with its commands on the path, and a home of its own."""

    folder: Path
    cache: Path
    """Where kernels lie that it compiles; several environments may share them."""

    @classmethod
    def made(
        cls,
        folder: Path,
        interpreter: str = sys.executable,
        cache: Path | None = None,
    ) -> Environment:
        """Return a new environment of an interpreter."""
        (folder / "home").mkdir()
        tools = folder / "bin"
        tools.mkdir()
        for name in TOOLS:
            (tools / name).symlink_to(str(shutil.which(name)))
        words = shlex.join(compiler_here() or ["no-compiler"])
        (folder / QUICK).write_text(f'#!/bin/sh\nexec {words} "$@" -O0\n')
        (folder / QUICK).chmod(0o755)
        subprocess.run([interpreter, "-m", "venv", folder / "venv"], check=True)
        return cls(folder, cache or folder / "cache")

    @property
    def kernels(self) -> Path:
        """Where kernels lie that were made beforehand."""
        return self.folder / "kernels"

    def run(self, *command: str | Path, compiler: bool = False) -> str:
        """Return what a command says; kernels are prebuilt, or there is a compiler."""
        path = [str(self.folder / "venv" / "bin")]
        path += [os.environ["PATH"]] if compiler else [str(self.folder / "bin")]
        variables = {name: os.environ[name] for name in KEPT if name in os.environ}
        if compiler:
            variables["CC"] = shlex.quote(str(self.folder / QUICK))
        process = subprocess.run(
            [str(part) for part in command],
            env={
                **variables,
                "PATH": os.pathsep.join(path),
                "HOME": str(self.folder / "home"),
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "BMI_DMX_CACHE": str(self.cache),
                "BMI_DMX_KERNELS": "" if compiler else str(self.kernels),
                "OMP_NUM_THREADS": "1",
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def install(self, *what: str | Path) -> None:
        """Install with pip; the test is skipped where no index can be reached."""
        try:
            pip = ("python", "-m", "pip", "install", "--quiet")
            self.run(*pip, *what, compiler=True)
        except AssertionError as error:
            if UNREACHABLE.search(str(error)):
                pytest.skip("the package index is out of reach")
            raise

    def versions(self) -> dict[str, str]:
        """Return the version of each package by its name."""
        listed = json.loads(self.run("python", "-m", "pip", "list", "--format=json"))
        return {entry["name"].lower(): entry["version"] for entry in listed}

    def missing(self) -> set[str]:
        """Return the packages that others ask for and that are not there."""
        python = str(self.folder / "venv" / "bin" / "python")
        process = subprocess.run(
            [python, "-m", "pip", "check"], capture_output=True, text=True, check=False
        )
        lines = process.stdout.splitlines()
        matches = [
            re.fullmatch(r"\S+ \S+ requires (\S+), which is not i.*", x) for x in lines
        ]
        assert process.returncode == 0 or all(matches), process.stdout
        return {match[1].lower() for match in matches if match}


def interpreter(version: str) -> str | None:
    """Return a Python of a version such as ``3.12``, on the path or of pyenv."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    of_pyenv = sorted(root.glob(f"versions/{version}.*/bin/python"))
    on_path = shutil.which(f"python{version}")
    ask = "import sys; print('{}.{}'.format(*sys.version_info))"
    for python in filter(None, (on_path, *map(str, of_pyenv))):
        command = [python, "-c", ask]
        # One on the path may be a name that pyenv has for none that is chosen.
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        if process.stdout.strip() == version:
            return python
    return None
