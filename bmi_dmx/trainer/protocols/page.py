"""One page of HTML with everything inside: text, tables and pictures."""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import DataError
from ...files import atomic

__all__ = ["Page"]

STYLE = """
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #222; margin: 0; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: .5rem 0 .2rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; border-bottom: 1px solid #e5e7eb; }
p { margin: .4rem 0 .8rem; max-width: 48rem; }
p.small, figcaption, caption { color: #6b7280; font-size: .85rem; }
table { border-collapse: collapse; font-size: .85rem; margin: .6rem 0 1rem; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .22rem .6rem; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid #9ca3af; font-weight: 600; }
tr + tr td { border-top: 1px solid #f0f1f3; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
td { white-space: nowrap; }
th.number { text-align: right; }
tr.other td { color: #6b7280; font-style: italic; }
.wide { overflow-x: auto; }
figure { margin: .8rem 0 1.4rem; }
img { max-width: min(100%, 50rem); max-height: 46rem; }
ul { margin: .3rem 0 1rem; padding-left: 1.2rem; max-width: 48rem; }
"""

NUMBER = re.compile(r"–|−?\d+(\.\d+)?( ± \d+(\.\d+)?)?")
"""A number, perhaps with its spread, and what stands for none."""

KINDS = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass
class Page:
    """A page that is written from top to bottom.

    Parameters
    ----------
    title : str
        Headline.
    """

    title: str
    parts: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self.parts.append(f"<h2>{html.escape(text)}</h2>")

    def text(self, text: str, *, small: bool = False) -> None:
        """Add a paragraph."""
        mark = ' class="small"' if small else ""
        self.parts.append(f"<p{mark}>{html.escape(text)}</p>")

    def items(self, texts: Sequence[str]) -> None:
        """Add a list."""
        inner = "".join(f"<li>{html.escape(text)}</li>" for text in texts)
        self.parts.append(f"<ul>{inner}</ul>")

    def table(
        self,
        heads: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        caption: str = "",
        format: str = ".3f",
        others: Sequence[bool] = (),
    ) -> None:
        """Add a table.

        Parameters
        ----------
        heads : sequence of str
            Heads of the columns.
        rows : sequence of sequence
            Cells; columns of numbers are aligned right, NaN and None become a dash.
        caption : str
            What it shows.
        format : str
            Format specification of numbers with a fraction.
        others : sequence of bool
            Which rows are of somebody else, shown apart.
        """
        numeric = [
            all(NUMBER.fullmatch(_shown(row[at], format)) for row in rows)
            for at in range(len(heads))
        ]
        head = "".join(
            _cell("th", html.escape(text), number)
            for text, number in zip(heads, numeric, strict=True)
        )
        body = ""
        for at, row in enumerate(rows):
            mark = ' class="other"' if at < len(others) and others[at] else ""
            cells = "".join(
                _cell("td", _shown(value, format), number)
                for value, number in zip(row, numeric, strict=True)
            )
            body += f"<tr{mark}>{cells}</tr>\n"
        title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
        self.parts.append(
            f'<div class="wide"><table>{title}<thead><tr>{head}</tr></thead>\n'
            f"<tbody>{body}</tbody></table></div>"
        )

    def picture(self, path: Path, caption: str) -> None:
        """Add a picture, which becomes part of the page.

        Raises
        ------
        DataError
            The file is of another kind than PNG or SVG.
        """
        kind = KINDS.get(path.suffix)
        if kind is None:
            raise DataError(f"{path}: expected one of {', '.join(KINDS)}")
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        about = html.escape(caption)
        self.parts.append(
            f'<figure><img alt="{about}" src="data:{kind};base64,{data}">'
            f"<figcaption>{about}</figcaption></figure>"
        )

    @property
    def style(self) -> str:
        """What the page looks like."""
        return STYLE

    def before(self) -> str:
        """Return what stands above the headline."""
        return ""

    def after(self) -> str:
        """Return what stands behind everything that is seen."""
        return ""

    def write(self, path: Path) -> None:
        """Write the page."""
        title = html.escape(self.title)
        text = (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{title}</title><style>{self.style}</style></head>\n"
            f"<body>{self.before()}<main><h1>{title}</h1>\n" + "\n".join(self.parts)
        )
        with atomic(path) as temporary:
            temporary.write_text(
                f"{text}\n</main>{self.after()}</body></html>\n", encoding="utf-8"
            )


def _cell(tag: str, text: str, number: bool) -> str:
    mark = ' class="number"' if number else ""
    return f"<{tag}{mark}>{text}</{tag}>"


def _shown(value: Any, format: str) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, float):
        value = f"{value:{format}}"
    # The sign of a number, not what joins two words.
    return html.escape(re.sub(r"^-(?=[\d.])", "−", str(value)))
