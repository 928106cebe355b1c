"""Pages that need nothing but themselves."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bmi_dmx.errors import DataError
from bmi_dmx.trainer.protocols.page import Page

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


class Tags(HTMLParser):
    """Which tags are open, and every address."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.addresses += [
            attributes[name] or "" for name in ("src", "href") if name in attributes
        ]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def page(tmp_path: Path) -> Page:
    (tmp_path / "dot.png").write_bytes(PIXEL)
    page = Page("a < b & c")
    page.heading("Scores")
    page.text("of <all>")
    page.items(["one", "two"])
    page.table(
        ["model", "score", "years"],
        [["a-b", -0.25, "2 to 5"], ["c", float("nan"), "5 to 10"]],
        others=[False, True],
    )
    page.picture(tmp_path / "dot.png", "a dot")
    return page


def test_a_page_is_whole_and_asks_for_nothing_else(page: Page, tmp_path: Path) -> None:
    page.write(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert tags.addresses
    assert all(address.startswith("data:") for address in tags.addresses)
    assert "http" not in re.sub(r'src="[^"]*"', "", text)


def test_what_is_said_is_no_markup(page: Page, tmp_path: Path) -> None:
    page.write(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>a &lt; b &amp; c</h1>" in text
    assert "of &lt;all&gt;" in text


def test_numbers_are_aligned_and_words_are_not(page: Page, tmp_path: Path) -> None:
    page.write(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<td class="number">−0.250</td>' in text
    assert '<td class="number">–</td>' in text
    assert "<td>2 to 5</td>" in text
    assert "<td>a-b</td>" in text
    assert '<tr class="other"><td>c</td>' in text


def test_pictures_of_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"dot\.gif: expected one of \.png"):
        Page("x").picture(tmp_path / "dot.gif", "")
