"""A page with pictures that answer: drawn in the browser from what the page holds."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from ..protocols.page import Page
from .content import Panel, Parameter, Places, SeriesSet, Tile

__all__ = ["LivePage"]


@dataclass
class LivePage(Page):
    """A page that is written from top to bottom, and looked at by clicking.

    Nothing is fetched: style, script and numbers are part of it.
    """

    content: dict[str, Any] = field(default_factory=lambda: {"panels": []})
    sections: dict[str, str] = field(default_factory=dict)

    def heading(self, text: str) -> None:
        """Begin a section, which the bar at the top leads to."""
        anchor = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
        self.sections[anchor] = text
        self.parts.append(f'<h2 id="{anchor}">{html.escape(text)}</h2>')

    def lead(self, text: str) -> None:
        """Add a line below the headline."""
        self.parts.append(f'<p class="lead">{html.escape(text)}</p>')

    def tiles(self, tiles: Sequence[Tile]) -> None:
        """Add numbers that are seen first."""
        inner = "".join(
            f'<div class="tile"><b>{html.escape(one.value)}</b>'
            f"<span>{html.escape(one.label)}</span>"
            f"<small>{html.escape(one.note)}</small></div>"
            for one in tiles
        )
        self.parts.append(f'<div class="tiles">{inner}</div>')

    def panels(self, panels: Sequence[Panel]) -> None:
        """Add curves side by side."""
        entries = self.content["panels"]
        inner = ""
        for panel in panels:
            inner += f'<figure data-panel="{len(entries)}"></figure>'
            entries.append(panel.plain())
        self.parts.append(f'<div class="panels">{inner}</div>')

    def places(self, places: Places, series: SeriesSet | None) -> None:
        """Add a map and a list of places, and the series of the one chosen."""
        self.content["places"] = places.plain()
        atlas = '<div id="atlas"></div>' if places.mapped else ""
        single = "" if places.mapped else " single"
        self.parts.append(
            f'<div class="look{single}">{atlas}<div id="list"></div></div>'
        )
        if series is not None:
            self.content["series"] = series.plain(places)
            self.parts.append('<div class="viewer" id="viewer"></div>')

    def strips(self, parameters: Sequence[Parameter]) -> None:
        """Add parameters, each over its bounds."""
        self.content["parameters"] = [one.plain() for one in parameters]
        self.parts.append('<div class="strips" id="strips"></div>')

    def folded(self, title: str, text: str) -> None:
        """Add text as it stands, to be unfolded."""
        with self.unfolding(title):
            self.parts.append(f"<pre>{html.escape(text)}</pre>")

    @contextmanager
    def unfolding(self, title: str) -> Iterator[None]:
        """Let what is added in the block be hidden until somebody asks for it."""
        self.parts.append(f"<details><summary>{html.escape(title)}</summary>")
        yield
        self.parts.append("</details>")

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Let what is added in the block stand side by side, where there is room."""
        self.parts.append('<div class="beside">')
        yield
        self.parts.append("</div>")

    @property
    def style(self) -> str:
        """What the page looks like."""
        return f"{super().style}{_resource('view.css')}"

    def before(self) -> str:
        """Return the bar that leads to the sections."""
        links = "".join(
            f'<a href="#{anchor}">{html.escape(text)}</a>'
            for anchor, text in self.sections.items()
        )
        return f"<nav><div>{links}</div></nav>"

    def after(self) -> str:
        """Return the numbers, and what draws them."""
        # A name that ends a script would end this one.
        content = json.dumps(self.content, allow_nan=False).replace("<", "\\u003c")
        return (
            "<noscript><p>Pictures that answer need JavaScript; it is part of this "
            "page.</p></noscript>"
            f'<script id="content" type="application/json">{content}</script>'
            f"<script>{_resource('view.js')}</script>"
        )


def _resource(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
