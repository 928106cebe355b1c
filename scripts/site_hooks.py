"""What the documentation site has besides the pages of docs/.

The first page is README.md; the reference has a page for each module whose objects the
pages use, made from docstrings; the gallery has one for each notebook, which is run for
it. Links to files that are no pages become their names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from gallery import STORIES, index, story
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

LINK = re.compile(
    r"\[([^\]]*)\]\((?!\.\./[a-z][\w-]*\.md)"
    r"((?:\.\./|bmi_dmx/)[^)]*|[A-Z]+(?:\.md)?)\)"
)
"""A link to what is no page; notebooks link to pages of the folder above."""

NOTEBOOK = re.compile(r"\]\(gallery/([\w-]+)\.py\)")
"""A link to a notebook."""


ROLE = re.compile(r":(?:py:)?\w+:<code>(~?)\.*([\w.]+)</code>")
"""A reference of a docstring to something without a page, as Markdown shows it."""


def _name(title: str) -> str:
    return f"reference/{title.lower().replace(' ', '-')}.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the gallery and the reference to what is navigated."""
    assert config.nav is not None
    pages = ("index", *STORIES)
    config.nav.insert(1, {"Gallery": [f"gallery/{name}.md" for name in pages]})
    config.nav.append({"Reference": [{t: _name(t)} for t in REFERENCE]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the first page, the reference and the gallery to the files."""
    files.append(File.generated(config, "index.md", content=_first_page()))
    for title, modules in REFERENCE.items():
        blocks = "\n\n".join(f"::: {module}" for module in modules)
        content = f"# {title}\n\n{blocks}\n"
        files.append(File.generated(config, _name(title), content=content))
    stories = [story(name) for name in STORIES]
    pages = {f"{s.name}.md": s.text for s in stories} | {"index.md": index(stories)}
    pictures = {name: x for s in stories for name, x in s.pictures.items()}
    for name, content in {**pages, **pictures}.items():
        files.append(File.generated(config, f"gallery/{name}", content=content))
    return files


def _first_page() -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for mark in ("](", "[", "`"):
        text = text.replace(f"{mark}docs/", mark)
    return text


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Link notebooks to their pages, and name what is no page of the site."""
    text = NOTEBOOK.sub(r"](gallery/\1.md)", markdown)
    return LINK.sub(r"\1", text.replace("](gallery)", "](gallery/index.md)"))


def on_page_content(html: str, **_: Any) -> str:
    """Show what docstrings refer to by its name."""
    return ROLE.sub(lambda m: f"<code>{_called(*m.groups())}</code>", html)


def _called(short: str, name: str) -> str:
    return name.rpartition(".")[2] if short else name
