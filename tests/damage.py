"""Damages to files and plain data, drawn by Hypothesis."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

__all__ = ["arrays_damaged", "bytes_damaged", "data_damaged", "examples"]

Draw = Any

ODD: list[Any] = [
    float("nan"), float("inf"), float("-inf"), 1e300, -1e300, 1e308, 1e-300, 0, -1, 1,
    0.5, 7, 2**20, 2**31, -(2**31), 2**63, 10**40, 10**400, True, False, None, "", "x",
    "nan", "0", "-", "m", "\0", "ä" * 3, "a.b", "a/b", "v1", "1e999", "1980-13-45", [],
    {}, [[]], [None], [1.0, 2.0], {"a": 1}, {"a": {"b": []}},
]  # fmt: skip
"""What somebody may have put in the place of something."""

NUMBERS = [x for x in ODD if isinstance(x, float)] + [0.0, -5.0, 1e6, 12.0]


def examples(few: int) -> int:
    """Return how many examples are tried: few, or as many as the profile asks for."""
    most = settings.default.max_examples if settings.default is not None else few
    return most if most > 100 else few


def _places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where something stands in plain data."""
    if path:
        yield path
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _places(value, (*path, key))
    elif isinstance(data, list):
        for at, value in enumerate(data):
            yield from _places(value, (*path, at))


def data_damaged(draw: Draw, data: Any, most: int = 2) -> Any:
    """Return plain data with one or two entries taken out, doubled, swapped, odd."""
    data = copy.deepcopy(data)
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(data))
        if not places:
            return data
        *front, last = places[draw(st.integers(0, len(places) - 1))]
        parent = data
        for key in front:
            parent = parent[key]
        _change(draw, parent, last)
    return data


def _change(draw: Draw, parent: Any, key: Any) -> None:
    value = parent[key]
    what = draw(st.sampled_from(["odd", "near", "drop", "double", "swap", "rename"]))
    if what == "drop":
        del parent[key]
    elif what == "double" and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(value))
    elif what == "swap":
        other = draw(st.sampled_from(list(_keys(parent))))
        parent[key], parent[other] = parent[other], value
    elif what == "rename" and isinstance(parent, dict):
        others = [*parent, "x", "a.b", "", f"{key}2", "in", "forcing"]
        parent[draw(st.sampled_from(others))] = parent.pop(key)
    elif what == "near" and isinstance(value, (int, float)):
        parent[key] = draw(
            st.sampled_from([-value, value * 10**6, value + 1, str(value)])
        )
    elif what == "near" and isinstance(value, str):
        near = [value[:-1], value.upper(), f"{value} "]
        parent[key] = draw(st.sampled_from(near))
    else:
        parent[key] = copy.deepcopy(draw(st.sampled_from(ODD)))


def _keys(parent: Any) -> Iterator[Any]:
    yield from parent if isinstance(parent, dict) else range(len(parent))


def bytes_damaged(draw: Draw, content: bytes) -> bytes:
    """Return bytes with some flipped, lost or repeated, or cut short."""
    damaged = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        if not damaged:
            break
        at = draw(st.integers(0, len(damaged) - 1))
        what = draw(st.sampled_from(["flip", "cut", "lose", "repeat"]))
        if what == "flip":
            damaged[at] ^= draw(st.integers(1, 255))
        elif what == "cut":
            del damaged[at:]
        elif what == "lose":
            del damaged[at : at + draw(st.integers(1, 64))]
        else:
            damaged[at:at] = damaged[at : at + draw(st.integers(1, 64))]
    return bytes(damaged)


def arrays_damaged(
    draw: Draw, arrays: dict[str, np.ndarray[Any, Any]]
) -> dict[str, np.ndarray[Any, Any]]:
    """Return arrays with one spoiled: a value, type, shape or name."""
    arrays = {name: array.copy() for name, array in arrays.items()}
    name = draw(st.sampled_from(sorted(arrays)))
    array = arrays[name]
    what = draw(
        st.sampled_from(["value", "all", "type", "shape", "drop", "rename", "swap"])
    )
    if what in ("value", "all") and array.size and array.dtype.kind == "f":
        at = draw(st.integers(0, array.size - 1)) if what == "value" else slice(None)
        array.reshape(-1)[at] = draw(st.sampled_from(NUMBERS))
    elif what == "value" and array.size:
        array.reshape(-1)[0] = draw(st.sampled_from([0, -1, 2**40, -(2**62)]))
    elif what == "type":
        kinds = ["float32", "float16", "int64", "int8", "bool", "uint64"]
        with np.errstate(all="ignore"):
            finite = np.nan_to_num(array, posinf=0.0, neginf=0.0)
            arrays[name] = finite.astype(draw(st.sampled_from(kinds)))
    elif what == "shape":
        shapes = [array.reshape(-1), array[None], array.T.copy(), array.reshape(-1)[:1]]
        arrays[name] = np.ascontiguousarray(draw(st.sampled_from(shapes)))
    elif what == "swap":
        other = draw(st.sampled_from(sorted(arrays)))
        arrays[name], arrays[other] = arrays[other], array
    else:
        del arrays[name]
        if what == "rename":
            arrays[draw(st.sampled_from(["x", "", f"{name}2", name[:-1]]))] = array
    return arrays
