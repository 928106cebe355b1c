"""Arithmetic as plain data: traced from PyTorch, printed as C, evaluated, and stored.

Importing this package does not load PyTorch; :mod:`.trace` and :mod:`.aten` do.
"""

from __future__ import annotations

from .evaluate import evaluate
from .program import Arg, Builder, Instruction, Program, entry_names, input_names

__all__ = [
    "Arg",
    "Builder",
    "Instruction",
    "Program",
    "entry_names",
    "evaluate",
    "input_names",
]
