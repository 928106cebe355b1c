"""What the documentation site has besides the pages of docs/.

The first page is README.md; the reference has a page for each module whose objects the
pages use, made from docstrings. Links to files that are no pages become their names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]

REFERENCE = {
    "Components": ("bmi_dmx.bmi.component", "bmi_dmx.bmi.settings"),
    "Bundles": ("bmi_dmx.bundle.load", "bmi_dmx.bundle.manifest"),
    "Models": (
        "bmi_dmx.compose.model", "bmi_dmx.compose.spec", "bmi_dmx.compose.ensemble",
    ),
    "Processes": ("bmi_dmx.process", "bmi_dmx.tendency", "bmi_dmx.variables"),
    "Spaces": (
        "bmi_dmx.space.places", "bmi_dmx.space.tree", "bmi_dmx.space.grid",
        "bmi_dmx.space.maps",
    ),
    "The scan": ("bmi_dmx.scan.engine",),
    "Networks": ("bmi_dmx.networks.base", "bmi_dmx.networks.statistics"),
    "Runs": ("bmi_dmx.run.run", "bmi_dmx.run.forecast"),
    "Filters": (
        "bmi_dmx.assimilation.filters.filter", "bmi_dmx.assimilation.observation",
        "bmi_dmx.assimilation.window", "bmi_dmx.assimilation.localisation",
        "bmi_dmx.assimilation.inflation", "bmi_dmx.assimilation.scores",
    ),
    "Trainer": (
        "bmi_dmx.trainer.task", "bmi_dmx.trainer.experiment",
        "bmi_dmx.trainer.protocols.protocol",
    ),
    "Errors": ("bmi_dmx.errors",),
}  # fmt: skip
"""Modules by the title of their page."""

LINK = re.compile(r"\[([^\]]*)\]\(((?:\.\./|bmi_dmx/)[^)]*|[A-Z]+(?:\.md)?)\)")
"""A link to what is no page."""


def _name(title: str) -> str:
    return f"reference/{title.lower().replace(' ', '-')}.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the reference to what is navigated."""
    assert config.nav is not None
    pages = [{title: _name(title)} for title in REFERENCE]
    config.nav.append({"Reference": pages})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the first page and the reference to the files."""
    files.append(File.generated(config, "index.md", content=_first_page()))
    for title, modules in REFERENCE.items():
        blocks = "\n\n".join(f"::: {module}" for module in modules)
        content = f"# {title}\n\n{blocks}\n"
        files.append(File.generated(config, _name(title), content=content))
    return files


def _first_page() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text.replace("](docs/", "](").replace("`docs/", "`")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Name what is no page of the site instead of linking to it."""
    return LINK.sub(r"\1", markdown)
