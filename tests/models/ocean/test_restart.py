"""What is saved is what resumes, in another process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from .test_conservation import rough, run, turbulent

CONTINUE = """
import sys
import numpy as np
import torch
from tests.models.ocean.test_conservation import rough, run
saved, target = sys.argv[1:]
state = {n: torch.from_numpy(x) for n, x in np.load(saved).items()}
ran = run(state, *rough(), steps=3)
np.savez(target, **{n: x.numpy() for n, x in ran.state.items()})
"""


def test_a_run_that_was_cut_goes_on_bit_for_bit(tmp_path: Path) -> None:
    grid, fraction = rough()
    whole = run(turbulent(grid), grid, fraction, steps=6).state
    half = run(turbulent(grid), grid, fraction, steps=3).state
    assert set(half) == {"u", "v", "temperature", "salinity", "elevation"}
    saved, target = tmp_path / "saved.npz", tmp_path / "end.npz"
    np.savez(saved, **{n: x.numpy() for n, x in half.items()})
    command = [sys.executable, "-c", CONTINUE, str(saved), str(target)]
    root = Path(__file__).resolve().parents[3]
    subprocess.run(command, check=True, cwd=root)
    for name, x in np.load(target).items():
        np.testing.assert_array_equal(x, whole[name].numpy())


def test_a_batch_of_oceans_is_each_of_them() -> None:
    grid, fraction = rough()
    first = turbulent(grid)
    second = {n: 0.5 * x + 0.1 for n, x in first.items()}
    both = {n: torch.stack((first[n], second[n])) for n in first}
    together = run(both, grid, fraction, steps=2).state
    for k, start in enumerate((first, second)):
        alone = run(start, grid, fraction, steps=2).state
        for name, x in alone.items():
            torch.testing.assert_close(together[name][k], x, rtol=1e-12, atol=1e-15)


def test_single_precision_gives_nearly_the_same() -> None:
    grid, fraction = rough()
    start = turbulent(grid)
    exact = run(start, grid, fraction, steps=6).state
    single = {n: x.float() for n, x in start.items()}
    rounded = run(single, grid, fraction.float(), steps=6).state
    for name, x in exact.items():
        assert rounded[name].dtype == torch.float32
        scale = float(x.abs().max())
        assert float((rounded[name].double() - x).abs().max()) < 1e-4 * scale
