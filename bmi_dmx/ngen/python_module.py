"""The class of a Python module, and the file that it is initialized with."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import ConfigError, suggestion
from .realization import PLACEHOLDER, Module

__all__ = ["import_class", "is_there", "no_file"]


def import_class(module: Module) -> Callable[[], Any]:
    """Return the class of a Python module.

    Raises
    ------
    ConfigError
        When it cannot be imported; says what is wrong.
    """
    path = module.module_path
    if path:
        if not Path(path).is_dir():
            raise ConfigError(f"module_path: {path}: no such folder")
        if path not in sys.path:
            sys.path.append(path)
    package, _, name = module.python_type.rpartition(".")
    if not package:
        raise ConfigError(
            f"python_type: found {module.python_type!r}, expected package.Class"
        )
    try:
        member = getattr(importlib.import_module(package), name, None)
    except ImportError as error:
        raise ConfigError(
            f"python_type: {module.python_type!r} cannot be imported: {error}"
        ) from None
    except (Exception, SystemExit) as error:
        # Whatever its own code does then: a prompt, broken syntax, a missing file.
        kind = type(error).__name__
        raise ConfigError(
            f"python_type: {module.python_type!r} cannot be imported: its code raised "
            f"{kind}: {error}"
        ) from error
    if not callable(member):
        near = suggestion(name, [n for n in dir(sys.modules[package]) if n[0] != "_"])
        raise ConfigError(f"python_type: {package!r} has no class {name!r}{near}")
    constructor: Callable[[], Any] = member
    return constructor


def is_there(init_config: str) -> bool:
    """Return whether a module can be given a file; ``/dev/null`` will do for many."""
    path = Path(init_config)
    return path.exists() and not path.is_dir()


def no_file(init_config: str) -> str:
    """Return the message for a file that is not there, and what may be meant."""
    hint = ""
    if "\\" in init_config:
        hint = "; folders are parted by / wherever the framework runs"
    elif re.search(r"\{\{\s*id\s*\}\}", init_config, re.IGNORECASE):
        hint = f"; the name of the catchment is put in for {PLACEHOLDER} alone"
    return f"init_config: {init_config}: no such file{hint}"
