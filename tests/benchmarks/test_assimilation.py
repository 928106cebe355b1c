"""The benchmark of filters, at sizes too small to mean anything."""

from __future__ import annotations

import numpy as np
import pytest

from bmi_dmx.assimilation.filters.enkf import Enkf
from bmi_dmx.assimilation.filters.etkf import Etkf, Letkf
from bmi_dmx.benchmarks import assimilation, loops
from bmi_dmx.benchmarks.assimilation import Problem
from bmi_dmx.benchmarks.measure import Effort


def test_the_loops_do_the_same_work() -> None:
    problem = Problem.of(3, 6)
    ensemble, observed = problem.ensemble, problem.observation
    arguments = ensemble, observed.value, observed.error
    np.testing.assert_allclose(
        loops.letkf(ensemble, *arguments, problem.taper),
        Letkf().analyse(ensemble, ensemble, observed, taper=problem.taper),
        rtol=1e-10,
    )
    np.testing.assert_allclose(
        loops.etkf(*arguments), Etkf().analyse(ensemble, ensemble, observed), rtol=1e-10
    )
    drawn = np.random.default_rng(1).standard_normal((40, 3, 6))
    np.testing.assert_allclose(
        loops.enkf(*arguments, np.moveaxis(drawn, 0, -1)),
        Enkf().analyse(
            ensemble, ensemble, observed, generator=np.random.default_rng(1)
        ),
        rtol=1e-9,
    )


def test_all_of_the_benchmark_is_recorded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = Effort(repeats=1, seconds=0.0)
    monkeypatch.setattr(assimilation, "Effort", lambda **_: quick)
    monkeypatch.setattr(assimilation, "seconds_of", lambda *_: 1.0)
    records = assimilation.run(members=(3, 5), problems=(1, 2), rivers=())
    filters = {(r.case, r.sizes["members"]) for r in records}
    assert {("letkf", 3), ("letkf", 5), ("etkf", 3), ("var4d, 1 cycle", 3)} <= filters
    assert ("etkf", 5) not in filters
    for record in records:
        assert record.forward_s is not None
        assert record.more["each_s"] == record.forward_s / int(
            record.sizes["problems"] or 0
        )
    pairs = {(r.case, r.implementation) for r in records}
    assert ("enkf", "NumPy loop") in pairs
    assert all(
        r.more["faster"]
        for r in records
        if r.case == "letkf" and r.implementation == "filter"
    )
    assert "One cycle of 40 entries" in capsys.readouterr().out
