"""The documentation does what it says: commands, code, tables, links."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bmi_dmx.cli import _parser, main
from bmi_dmx.trainer.protocols.protocol import protocols
from bmi_dmx.trainer.registries import experiments

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- (?P<key>[\w ]+): (?P<value>[^\n]+) -->\n)?"
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block, and the comment before it."""

    language: str
    text: str
    key: str
    value: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("text")) + 1
        key, value = match["key"] or "", match["value"] or ""
        assert key in ("", "file", "not run"), f"{page.name}: unknown comment {key!r}"
        yield Block(match["language"], match["text"], key, value, line)


def script(name: str) -> ModuleType:
    """Return a script that writes parts of the pages."""
    path = ROOT / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tables() -> ModuleType:
    return script("make_doc_tables")


@pytest.fixture(scope="session")
def rooms() -> ModuleType:
    return script("make_rooms_figure")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, whose modules can be imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    modules = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - modules:
        path = getattr(sys.modules[name], "__file__", None)
        if path is not None and Path(path).is_relative_to(tmp_path):
            del sys.modules[name]


def run(block: Block, page: Path, namespace: dict[str, Any]) -> None:
    if block.key == "file":
        path = Path(block.value)
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    elif block.language == "python":
        # Errors then show the line of the page.
        code = compile("\n" * (block.line - 1) + block.text, page, "exec")
        if block.key != "not run":
            exec(code, namespace)
    elif block.language == "sh":
        for line in block.text.splitlines():
            command = shlex.split(line, comments=True)
            if block.key == "not run":
                exists(command)
            elif command:
                obey(command, line)


PACKAGE = Path("installed")
"""Where a package that a page makes is installed, for later commands of the page."""


def obey(command: list[str], line: str) -> None:
    """Run a command of a page: dmx, or the installation of what the page has made."""
    if command == ["pip", "install", "."]:
        options = "--quiet --no-deps --no-index --no-build-isolation --target"
        target = [*options.split(), str(PACKAGE), "."]
        subprocess.run([sys.executable, "-m", "pip", "install", *target], check=True)
        return
    assert command[0] == "dmx", line
    if not PACKAGE.is_dir():
        assert main(command[1:]) == 0, line
        return
    # What entry points there are a process looks up once.
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.resolve())}
    whole = [sys.executable, "-m", "bmi_dmx.cli", *command[1:]]
    subprocess.run(whole, check=True, env=environment)


def exists(command: list[str]) -> None:
    """Refuse a command that is not run and could not be."""
    if command[:1] == ["dmx"]:
        _parser().parse_args(command[1:])
    elif command[:1] == ["make"]:
        targets = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert re.search(rf"^{command[1]}:", targets, re.MULTILINE), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_runs(page: Path, elsewhere: Path) -> None:
    namespace: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page):
        run(block, page, namespace)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_those_of_the_declarations(page: Path, tables: ModuleType) -> None:
    text = page.read_text(encoding="utf-8")
    assert tables.renewed(text) == text, "run scripts/make_doc_tables.py"


def test_the_rooms_are_those_of_the_source(rooms: ModuleType) -> None:
    text = rooms.PAGE.read_text(encoding="utf-8")
    assert rooms.renewed(text) == text, "run scripts/make_rooms_figure.py"
    assert rooms.PICTURE.is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    text = re.sub(
        r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S
    )
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    for target in targets:
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), target


def test_every_experiment_is_told_of() -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    rows = "".join(re.findall(r"^\| `.*?\|", text, re.MULTILINE))
    names = set(re.findall(r"`(\w+)`", rows))
    assert not set(experiments()) - names


def test_every_protocol_is_told_of() -> None:
    text = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in protocols())


def test_every_page_is_listed_in_the_first() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in PAGES[1:] if f"docs/{page.name}" in first}
    below = {p.name for p in PAGES[1:] if p.name.startswith("rivers-")}
    assert pages | below == {page.name for page in PAGES[1:]}
