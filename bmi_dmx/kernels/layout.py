"""In which order the variables of a step stand in the arrays of a kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..program import Program

__all__ = ["ABREAST", "LANES", "Layout"]

LANES = 16
"""Cells worked on together: one AVX-512 register of float32."""

ABREAST = (4, 2, 1)
"""How many chunks of cells may take turns in a series: while one waits others work."""


@dataclass(frozen=True)
class Layout:
    """Order of the variables in the arrays of a kernel.

    Parameters
    ----------
    states, forcings, parameters : tuple of str
        Input names of the step program (``s.…``, ``f.…``, ``p.…``).
    outputs : tuple of str
        What is recorded: fluxes ``q.…`` or new states ``s.…``.
    together : bool
        Whether all the entries of a variable are one array, a run, and not one each.
    links : tuple of (str, str)
        A forcing, and the output of the cells upstream that is summed up for it; it
        stands among the outputs.
    """

    states: tuple[str, ...]
    forcings: tuple[str, ...]
    parameters: tuple[str, ...]
    outputs: tuple[str, ...]
    together: bool = False
    links: tuple[tuple[str, str], ...] = ()

    @cached_property
    def state_runs(self) -> dict[str, int]:
        """Names of the arrays of states, and how many entries each has."""
        return self._runs(self.states)

    @cached_property
    def parameter_runs(self) -> dict[str, int]:
        """Names of the arrays of parameters, and how many entries each has."""
        return self._runs(self.parameters)

    def _runs(self, names: Sequence[str]) -> dict[str, int]:
        if not self.together:
            return dict.fromkeys(names, 1)
        return dict(Counter(".".join(name.split(".")[:2]) for name in names))

    @classmethod
    def of(
        cls,
        step: Program,
        outputs: Sequence[str],
        *,
        together: bool = False,
        links: Mapping[str, str] | None = None,
    ) -> Layout:
        """Return the layout of a step program that records these outputs.

        What is passed on by ``links``, from forcing to output, follows what is
        recorded.
        """
        kinds = {
            kind: tuple(n for n in step.inputs if n.startswith(kind))
            for kind in ("s.", "f.", "p.")
        }
        pairs = dict(links or {})
        names = tuple(dict.fromkeys((*outputs, *pairs.values())))
        return cls(
            kinds["s."], kinds["f."], kinds["p."], names, together, tuple(pairs.items())
        )
