"""Operations on tables: rows that are looked up, products of matrices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from bmi_dmx.errors import ScanError
from bmi_dmx.program import Builder, evaluate
from bmi_dmx.program.trace import BATCH, trace


def test_rows_of_a_table_are_those_there_are() -> None:
    build = Builder()
    table, at = build.input("table"), build.input("at")
    program = build.build({"y": build.emit("rows", table, at)})
    rows = np.arange(8.0).reshape(4, 2)
    index = np.array([[2.0, 0.0], [99.0, -3.0], [np.nan, 1.0]])
    entries = evaluate(program, {"table": rows, "at": index})["y"]
    assert entries.shape == (3, 2, 2)
    np.testing.assert_array_equal(entries[0], rows[[2, 0]])
    np.testing.assert_array_equal(entries[1], rows[[3, 0]])
    assert set(entries.ravel()) <= set(rows.ravel())


def test_whole_numbers_are_an_index_and_nothing_else() -> None:
    table = torch.rand(5, 3, dtype=torch.float64)

    def look_up(values: dict[str, Tensor]) -> dict[str, Tensor]:
        index = torch.trunc(values["x"]).long()
        return {"y": torch.nn.functional.embedding(index, values["table"])}

    free = torch.empty(BATCH, 2, dtype=torch.float64, device="meta")
    program = trace(look_up, {"x": free, "table": table.to("meta")})
    x = np.array([[0.2, 4.9], [3.0, 2.5]])
    entries = evaluate(program, {"x": x, "table": table.numpy()})["y"]
    np.testing.assert_array_equal(entries, table.numpy()[np.array([[0, 4], [3, 2]])])

    def rounded(values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"y": values["x"].long() * 1.0}

    with pytest.raises(ScanError, match=r"cannot be made torch\.int64"):
        trace(rounded, {"x": free})


def test_rows_of_a_product_do_not_depend_on_the_rows_around_them() -> None:
    build = Builder()
    table, weights = build.input("table"), build.input("weights")
    program = build.build({"y": build.emit("matmul", table, weights)})
    dice = np.random.default_rng(0)
    x, w = dice.normal(size=(37, 256)), dice.normal(size=(256, 64))
    y = evaluate(program, {"table": x, "weights": w})["y"]
    np.testing.assert_allclose(y, x @ w, rtol=1e-12, atol=1e-12)
    order = dice.permutation(37)
    there = evaluate(program, {"table": x[order], "weights": w})["y"]
    np.testing.assert_array_equal(there, y[order])
    alone = evaluate(program, {"table": x[:1], "weights": w})["y"]
    np.testing.assert_array_equal(alone, y[:1])
