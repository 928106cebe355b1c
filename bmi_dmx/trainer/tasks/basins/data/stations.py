"""What people call gauges, and where these stand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Station", "readable"]

SMALL_WORDS = ("at", "above", "below", "near", "of", "the")
ABBREVIATIONS = {
    "Ab": "above", "Abv": "above", "Bl": "below", "Blw": "below", "Br": "Branch",
    "C": "Creek", "Ck": "Creek", "Cr": "Creek", "Nr": "near", "R": "River",
    "Rv": "River",
}  # fmt: skip


@dataclass(frozen=True)
class Station:
    """A gauge as people know it.

    Parameters
    ----------
    name : str
        What it is called; empty where nobody says.
    longitude, latitude : float, optional
        Degrees east and north of the gauge itself, which is not the middle of its
        basin.
    """

    name: str = ""
    longitude: float | None = None
    latitude: float | None = None


def readable(name: str) -> str:
    """Return the name of a gauge without capitals, abbreviations and state.

    >>> readable("TULPEHOCKEN CR. NEAR BERNVILLE, PA")
    'Tulpehocken Creek near Bernville'
    """
    short = re.sub(r",?\s+(?:DE|MD|NJ|NY|PA)\.?$", "", name.strip(), flags=re.I)
    words: Sequence[str] = [_word(word) for word in re.split(r"[\s.]+", short) if word]
    return " ".join(words)


def _word(word: str) -> str:
    word = word.capitalize() if word.isupper() else word
    word = ABBREVIATIONS.get(word.capitalize(), word)
    return word.lower() if word.lower() in SMALL_WORDS else word
