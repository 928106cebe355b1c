"""Steps that were run, kept so that derivatives can be taken through them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import ConfigError, DataError, StateError
from ...operate.runner import Runner
from ...space import Tree

__all__ = ["Tape"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_LATERAL = "lateral_inflow"


class Tape:
    """The forcings of steps, and the state before the first of them.

    It holds one number of each forcing for each step and reach, and as many again of
    each parameter that a network changes with time.

    Parameters
    ----------
    runner : Runner
        A model whose only process is that of the reaches.

    Raises
    ------
    ConfigError
        When the model is another or an ensemble, or a network of it reads the lateral
        inflow.
    """

    def __init__(self, runner: Runner) -> None:
        parts = runner.operation.plan.processes
        if len(parts) != 1 or parts[0].coupling != "upstream" or parts[0].members:
            names = ", ".join(part.name for part in parts)
            raise ConfigError(
                "gradient: is for models whose only process is that of reaches, "
                f"without members; this one has {names}"
            )
        if runner.members is not None:
            raise ConfigError(
                "mark: found the members of an ensemble, whose inflow is not that of "
                "the host; expected a component without 'assimilation'"
            )
        for network in runner.operation.plan.networks:
            if _LATERAL in network.inputs:
                raise ConfigError(
                    f"gradient: network {network.name!r} reads the lateral inflow, and "
                    "nothing is derived through networks"
                )
        self._runner, self._part = runner, parts[0]
        self._given: dict[str, list[Array]] = {name: [] for name in runner.forcing}
        self._state: dict[str, Array] = {}
        self._constant: dict[str, Array] = {}
        self._varying: dict[str, list[Array]] = {}
        self._broken = ""

    def __len__(self) -> int:
        return len(self._given[_LATERAL])

    def advance(self) -> None:
        """Run one step, and keep what it was run with."""
        runner = self._runner
        if len(self) and runner.parameters.pending:
            self.break_off("a parameter or attribute was set")
        if not len(self):
            self._state = self._stores()
        forcing = {name: array.copy() for name, array in runner.forcing.items()}
        runner.advance()
        if not len(self):
            self._constant = self._parameters(varying=False)
        for name, values in forcing.items():
            self._given[name].append(values)
        for name, values in self._parameters(varying=True).items():
            self._varying.setdefault(name, []).append(values)

    def break_off(self, why: str) -> None:
        """Let nothing be derived through what was kept."""
        self._broken = why

    def _stores(self) -> dict[str, Array]:
        """Return the states of the process, (reach, 1)."""
        return {
            name: array.copy()
            for (part, name), array in self._runner.stores().items()
            if part == self._part.name
        }

    def _parameters(self, *, varying: bool) -> dict[str, Array]:
        """Return the parameters of the process, (reach,): those that change, or not."""
        runner, plan = self._runner, self._runner.operation.plan
        often = (part for part in plan.networks if part.every != "once")
        changing = {n.rpartition(".")[2] for part in often for n in part.gives}
        parameters = {}
        for p in self._part.declared(runner.operation.inner).parameters:
            link = plan.link(self._part, p.name)
            is_given = link.giver == "attribute"
            source = runner.parameters.attribute if is_given else runner.parameters.mean
            if (p.name in changing) == varying:
                parameters[p.name] = source[link.name if is_given else p.name].copy()
        return parameters

    def gradient(self, losses: Mapping[str, Array]) -> Array:
        """Return derivatives by the lateral inflow of every step and reach.

        Parameters
        ----------
        losses : mapping of str to ndarray
            (step, reach) derivatives of a loss by outputs after each step, by their
            short names.

        Returns
        -------
        ndarray
            (step, reach), per m3 s-1.

        Raises
        ------
        StateError
            When there are no steps, or something was set between them.
        DataError
            When a shape is not that of the steps, or a number is none.
        """
        if self._broken:
            raise StateError(f"gradient: {self._broken} after the first step")
        if not len(self):
            raise StateError("gradient: no step has been run since the mark")
        shape = (len(self), len(self._runner.ids))
        for name, values in losses.items():
            if values.shape != shape:
                raise DataError(
                    f"gradient: {name}: found shape {values.shape}, expected {shape}: "
                    "a number for every step since the mark, and reach"
                )
            if not np.isfinite(values).all():
                raise DataError(f"gradient: {name}: a number is not finite")
        from .adjoint import pulled_back

        runner = self._runner
        assert isinstance(runner.space, Tree)
        return pulled_back(
            runner.operation.bundle.model().processes[self._part.name].on(runner.space),
            self._part.dt(runner.operation.inner),
            self._state,
            {name: np.stack(x) for name, x in self._given.items()},
            _LATERAL,
            {**self._constant, **{n: np.stack(x) for n, x in self._varying.items()}},
            losses,
        )
