"""A guest in its host: errors that say where, and nothing else that is noticed."""

from __future__ import annotations

import copy
import logging
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bmi_dmx import Component
from bmi_dmx.errors import DmxError, StateError

from .nextgen import HOURLY
from .untrained import give, weather

BROKEN: list[dict[str, Any]] = [
    {"evaporation": "none"},
    {"bundle": "nowhere"},
    {"outputs": ["nothing"]},
    {"forcing_policy": {"rain": 0.0}},
    {"state": "gone.state"},
    {"spin_up": {"file": "gone.csv"}},
    {"state": "equlibrium"},
]


@pytest.mark.parametrize("changes", BROKEN, ids=lambda c: str(*c))
def test_every_error_names_file_and_catchment(
    changes: dict[str, Any], configure: Any
) -> None:
    path = configure(1, name="cat-0é.yaml", **{**HOURLY, **changes})
    with pytest.raises(DmxError) as caught:
        Component().initialize(str(path))
    text = str(caught.value)
    assert "cat-0\\xe9.yaml: cat-0: " in text
    assert text.isascii()
    (key,) = changes
    assert key in text or str(changes[key]) in text


def test_what_nobody_expected_names_file_and_catchment_too(
    configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bmi_dmx.bmi import component as module

    def fail(*arguments: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(module, "stages", fail)
    message = r"component\.yaml: cat-0: ZeroDivisionError: a bug"
    with pytest.raises(DmxError, match=message):
        Component().initialize(str(configure(1)))


def test_finalize_never_raises(
    component: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise RuntimeError("a bug")

    monkeypatch.setattr(component._screen, "report", fail)
    component.finalize()
    component.finalize()
    Component().finalize()


QUIET = """
import logging, os, sys, threading
before = dict(os.environ), threading.active_count(), list(logging.root.handlers)
import numpy as np
from bmi_dmx import Component
model = Component()
model.initialize(sys.argv[1])
for name in model.get_input_var_names():
    model.set_value(name, np.array([1.0]))
model.update()
model.finalize()
after = dict(os.environ), threading.active_count(), list(logging.root.handlers)
assert before == after
assert logging.root.level == logging.WARNING
"""


def test_nothing_is_printed_and_nothing_of_the_host_is_changed(configure: Any) -> None:
    path = configure(1, **HOURLY)
    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "HOME": str(Path.home())}
    process = subprocess.run(
        [sys.executable, "-c", QUIET, str(path)],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert (process.stdout, process.stderr) == ("", "")


def test_logging_is_left_to_the_host() -> None:
    assert not logging.getLogger("bmi_dmx").handlers


def test_every_message_of_the_package_is_ascii() -> None:
    """Hosts whose text encoding is ASCII show docstrings to nobody, but messages."""
    import ast

    package = Path(sys.modules["bmi_dmx"].__file__ or "").parent / "bmi"
    for path in package.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body and isinstance(node.body[0], ast.Expr)
        }  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert id(node) in docs or node.value.isascii(), (path, node.value)


def test_the_configuration_is_read_as_utf8(configure: Any, tmp_path: Path) -> None:
    path = configure(1, **HOURLY)
    text = path.read_text(encoding="utf-8")
    path.write_text(f"# Größe\n{text}", encoding="utf-8")
    Component().initialize(str(path))
    assert yaml.safe_load(text)["time_step"] == "hourly"


def test_a_running_component_is_not_copied(start: Any) -> None:
    component = start(2)
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        assert copied(Component())
        with pytest.raises(StateError, match=r"cannot be copied .* state_bytes\(\)"):
            copied(component)


def test_times_may_come_in_any_precision(start: Any) -> None:
    component = start(2)
    give(component, weather(1, 2), 0)
    for day, kind in enumerate((np.float32, np.int32, float), 1):
        component.update_until(kind(day * 86400))
        assert component.get_current_time() == day * 86400.0
