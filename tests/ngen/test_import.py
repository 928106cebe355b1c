"""Modules that cannot be imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bmi_dmx.errors import ConfigError
from bmi_dmx.ngen.check import check
from bmi_dmx.ngen.driver import run


@pytest.fixture(params=["1 / 0", "def f(:", "raise SystemExit(3)", "import nowhere_"])
def broken(request, params, tmp_path, monkeypatch):
    """A module that fails when it is imported."""
    name = "ngen_broken"
    Path(f"{name}.py").write_text(request.param, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    params["python_type"] = f"{name}.Module"
    yield name
    sys.modules.pop(name, None)


MESSAGE = "python_type: 'ngen_broken.Module' cannot be imported: "


def test_a_module_that_fails_at_import_is_found_by_a_check(
    broken, realize, domain, forcing
):
    problems = [f.problem for f in check(realize(), domain) if f.level == "error"]
    assert any(MESSAGE in problem for problem in problems), problems


def test_a_module_that_fails_at_import_cannot_run(broken, realize, domain, forcing):
    with pytest.raises(ConfigError, match=MESSAGE):
        run(realize(), domain)
