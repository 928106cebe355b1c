"""The documentation as a site: whole, linked, searched without a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.slow

FETCHED = re.compile(r'<(?:script|link|img)[^>]*(?:src|href)="(https?:|//)')
"""What a browser would get from elsewhere by itself."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it; any warning is an error."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    process = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages - {path.stem for path in site.glob("*.html")} == set()


def test_every_notebook_is_run_and_has_a_page_with_its_pictures(site: Path) -> None:
    notebooks = {path.stem for path in (ROOT / "docs" / "gallery").glob("*.py")}
    assert notebooks
    for name in notebooks:
        page = (site / "gallery" / f"{name}.html").read_text(encoding="utf-8")
        drawn = re.findall(rf'<img alt="\w[^"]*" src="({name}-\d\.png)"', page)
        assert drawn, name
        assert re.search(r'href="\.\./[\w-]+\.html', page.partition("<article")[2])
        assert all((site / "gallery" / picture).is_file() for picture in drawn)


def test_the_gallery_begins_with_all_of_its_notebooks(site: Path) -> None:
    page = (site / "gallery" / "index.html").read_text(encoding="utf-8")
    linked = set(re.findall(r'<a href="([\w-]+)\.html">', page))
    assert linked >= {path.stem for path in (ROOT / "docs" / "gallery").glob("*.py")}


def test_every_page_but_those_to_begin_with_is_linked_from_another() -> None:
    pages, linked = list((ROOT / "docs").glob("*.md")), set()
    for page in pages:
        links = re.findall(r"\]\(([\w-]+\.md)", page.read_text(encoding="utf-8"))
        linked |= set(links) - {page.name}
    assert {p.name for p in pages if not p.name.startswith("for-")} <= linked


def test_the_reference_tells_what_docstrings_tell(site: Path) -> None:
    text = (site / "reference/models.html").read_text(encoding="utf-8")
    assert 'id="bmi_dmx.compose.model.Model.simulate"' in text
    pages = [path.read_text("utf-8") for path in (site / "reference").glob("*.html")]
    assert not [mark for page in pages for mark in re.findall(r":\w+:<code>", page)]


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        addresses = FETCHED.findall(page.read_text(encoding="utf-8"))
        assert not addresses, page


def test_what_is_searched_is_found_without_a_server(site: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if browser is None:
        pytest.skip("there is no browser to look at it with")
    shown = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu",
         "--virtual-time-budget=20000", "--dump-dom",
         f"{(site / 'index.html').as_uri()}?q=infiltration"],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    assert re.search(r"\d+ matching documents", shown)
    assert "hydrology.html" in shown.partition("matching documents")[2]
