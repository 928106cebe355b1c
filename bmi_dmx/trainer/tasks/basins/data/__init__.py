"""Data for training: readers, checks, portable attributes, samplers."""

from .attributes import PORTABLE_ATTRIBUTES, portable
from .basins import BasinData
from .read import READERS, read
from .spec import DataSpec

__all__ = [
    "PORTABLE_ATTRIBUTES",
    "READERS",
    "BasinData",
    "DataSpec",
    "portable",
    "read",
]
