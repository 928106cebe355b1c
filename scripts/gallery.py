"""Notebooks of docs/gallery as pages: run, and written as Markdown with their pictures.

A notebook is a Python file in jupytext's percent format. It runs in a folder of its own
that is removed afterwards; a warning or an error anywhere in it ends the run. The title
of a cell, behind its `# %%`, says what the picture shows that it draws.
"""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jupytext
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

__all__ = ["STORIES", "Story", "index", "story"]

GALLERY = Path(__file__).resolve().parents[1] / "docs" / "gallery"

STORIES = (
    "own-basins", "nextgen", "rivers", "assimilation", "leaf", "ocean", "own-process",
    "coupling",
)  # fmt: skip
"""The notebooks, in the order in which they are shown."""

SECONDS = 300
"""What a cell may take, on a machine that others use too."""

STRICT, LENIENT = (
    f"import warnings; warnings.simplefilter({action!r})"
    for action in ("error", "ignore")
)
"""Around a notebook: the end of the kernel is not its business."""

OPTIONS = {"timeout": SECONDS, "kernel_name": "python3", "coalesce_streams": True}


@dataclass(frozen=True)
class Story:
    """A notebook that was run.

    Parameters
    ----------
    name : str
        Of its file.
    title, about : str
        Its heading and first paragraph.
    text : str
        The page.
    pictures : dict of str to bytes
        By the names that the page uses, in order.
    """

    name: str
    title: str
    about: str
    text: str
    pictures: dict[str, bytes] = field(default_factory=dict)


def story(name: str) -> Story:
    """Run a notebook."""
    cells = _executed(GALLERY / f"{name}.py").cells
    title, about, *_ = cells[0].source.split("\n\n")
    pictures: dict[str, bytes] = {}
    text = []
    for cell in cells:
        text.append(_source(cell))
        text += [_output(o, cell, name, pictures) for o in _shown(cell)]
    text.append(
        f"*This page is a notebook, [{name}.py]({name}.py), which Jupyter opens with "
        "jupytext. It writes into the folder that it runs in: begin with an empty one.*"
    )
    page = "\n\n".join(text) + "\n"
    return Story(name, title.removeprefix("# "), about, page, pictures)


def index(stories: list[Story]) -> str:
    """Return the first page of the gallery."""
    cards = [
        f"-   [![{s.title}]({next(iter(s.pictures))})]({s.name}.md)\n\n"
        f"    **[{s.title}]({s.name}.md)**\n\n"
        f"    {' '.join(s.about.split())}\n"
        for s in stories
    ]
    return (
        "# Gallery\n\nNotebooks that tell one story each, with data that come with the "
        "package or are made. Their pages are written by running them.\n\n"
        '<div class="grid cards" markdown>\n\n' + "\n".join(cards) + "\n</div>\n"
    )


def _executed(path: Path) -> Any:
    notebook = jupytext.read(path)
    before, after = (new_code_cell(text) for text in (STRICT, LENIENT))
    notebook.cells = [before, *notebook.cells, after]
    environment = {
        # The dmx of this Python, commands of which none may fail, pictures of one look.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SHELLOPTS": "errexit:pipefail",
        "MATPLOTLIBRC": str(GALLERY / "matplotlibrc"),
    }
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, resources=resources, **OPTIONS)
        client.execute(env={**os.environ, **environment})
    notebook.cells = notebook.cells[1:-1]
    return notebook


def _source(cell: Any) -> str:
    if cell.cell_type == "markdown":
        return str(cell.source)
    first, _, rest = cell.source.partition("\n")
    if first.startswith("%%bash"):
        return _fenced("sh", rest)
    return _fenced("python", cell.source)


def _shown(cell: Any) -> list[Any]:
    """Return what a cell printed, drew, or answered where it has drawn nothing.

    Progress, which goes to stderr, is not shown.
    """
    outputs = [o for o in cell.get("outputs", []) if o.get("name") != "stderr"]
    if any(o.output_type == "display_data" for o in outputs):
        outputs = [o for o in outputs if o.output_type != "execute_result"]
    return outputs


def _output(output: Any, cell: Any, stem: str, pictures: dict[str, bytes]) -> str:
    if output.output_type == "stream":
        return _fenced("text", output.text)
    if output.output_type == "execute_result":
        return _fenced("text", output.data["text/plain"])
    caption = cell.metadata["title"]
    name = f"{stem}-{len(pictures) + 1}.png"
    pictures[name] = base64.b64decode(output.data["image/png"])
    return f"![{caption}]({name})\n\n*{caption}*"


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"
