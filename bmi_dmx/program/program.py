"""Programs: straight-line arithmetic over named values, traced once and run anywhere.

A program is plain data: inputs, a list of instructions drawn from a closed table of
operations (:mod:`.ops`), and named outputs. It is what a traced time step, its adjoint
or a network becomes, what is printed as C and what a bundle carries, so that operation
needs neither PyTorch nor the Python code the model was written in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..errors import BundleError
from ..process import Process
from ..variables import Variable
from .check import refuse_unfit
from .ops import OPS, fold

__all__ = ["Builder", "Instruction", "Program", "entry_names", "input_names"]

Arg = Any  # "name of a value" | float | int | list of ints


@dataclass(frozen=True)
class Instruction:
    """``out = op(*args)``; arguments are value names, numbers or lists of integers."""

    out: str
    op: str
    args: tuple[Arg, ...]


@dataclass(frozen=True)
class Program:
    """Straight-line arithmetic.

    Parameters
    ----------
    inputs : mapping of str to str
        Value name of each named input.
    instructions : sequence of Instruction
        In order; every value is assigned once, before its use.
    outputs : mapping of str to (str or float)
        Value, or constant, of each named output.
    """

    inputs: Mapping[str, str]
    instructions: tuple[Instruction, ...]
    outputs: Mapping[str, Arg]

    def to_json(self) -> dict[str, Any]:
        """Return the program as JSON-ready values."""
        return {
            "inputs": dict(self.inputs),
            "instructions": [[i.out, i.op, list(i.args)] for i in self.instructions],
            "outputs": dict(self.outputs),
        }

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], source: str = "program", *, trusted: bool = False
    ) -> Program:
        """Rebuild a program and verify that it is one.

        Parameters
        ----------
        data : mapping
            From :meth:`to_json`.
        source : str
            What messages begin with.
        trusted : bool
            Whether it was written here, and so may be of any size.

        Raises
        ------
        BundleError
            When an operation is unknown, a value is used before it is assigned, the
            layout is wrong, or the program is larger than anybody runs.
        """
        try:
            inputs, outputs = data["inputs"], data["outputs"]
            if not (isinstance(inputs, Mapping) and isinstance(outputs, Mapping)):
                raise TypeError("inputs and outputs by name")
            program = cls(dict(inputs), tuple(_instructions(data)), dict(outputs))
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"{source}: not a program ({error!r:.100})") from None
        refuse_unfit(program, source, bounded=not trusted)
        return program

    def refuse_shaped(self, source: str) -> None:
        """Raise :class:`BundleError` where an operation is not elementwise.

        Such a program is no time step, and cannot be printed as C.
        """
        for instruction in self.instructions:
            if OPS[instruction.op].c is None:
                raise BundleError(
                    f"{source}: operation {instruction.op!r} is not elementwise"
                )

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((*self.inputs, len(self.instructions), *self.outputs))

    @cached_property
    def forcings(self) -> tuple[str, ...]:
        """Names of the inputs ``f.…``."""
        return tuple(name for name in self.inputs if name.startswith("f."))

    @cached_property
    def fluxes(self) -> tuple[str, ...]:
        """Names of the outputs ``q.…``."""
        return tuple(name for name in self.outputs if name.startswith("q."))

    @cached_property
    def spent(self) -> tuple[tuple[str, ...], ...]:
        """For each instruction, the values that nothing needs once it is done."""
        live = set(_values(self.outputs.values()))
        spent = []
        for instruction in reversed(self.instructions):
            values = {instruction.out, *_values(instruction.args)}
            spent.append(tuple(sorted(values - live)))
            live |= values
        return tuple(reversed(spent))

    def read_for(self, outputs: Iterable[str]) -> set[str]:
        """Return the names of the inputs that these outputs depend on."""
        program = self.select(outputs)
        values = set(_values(a for i in program.instructions for a in i.args))
        values.update(_values(program.outputs.values()))
        return {name for name, value in self.inputs.items() if value in values}

    def select(self, outputs: Iterable[str]) -> Program:
        """Return the program that computes these outputs only, without dead code."""
        selection = {name: self.outputs[name] for name in outputs}
        alive = {value for value in selection.values() if isinstance(value, str)}
        body: list[Instruction] = []
        for instruction in reversed(self.instructions):
            if instruction.out in alive:
                body.append(instruction)
                alive.update(_values(instruction.args))
        return Program(self.inputs, tuple(reversed(body)), selection)


def _instructions(data: Mapping[str, Any]) -> Iterator[Instruction]:
    for out, op, args in data["instructions"]:
        if not isinstance(args, list):
            raise TypeError(f"arguments {args!r}")
        yield Instruction(out, op, tuple(args))


def _values(args: Iterable[Arg]) -> Iterable[str]:
    for arg in args:
        if isinstance(arg, str):
            yield arg
        elif isinstance(arg, (list, tuple)):
            yield from _values(arg)


@dataclass
class Builder:
    """Builds a program, folding constants and sharing equal subexpressions."""

    inputs: dict[str, str] = field(default_factory=dict)
    instructions: list[Instruction] = field(default_factory=list)
    _seen: dict[Any, Arg] = field(default_factory=dict)
    _made: dict[str, Instruction] = field(default_factory=dict)
    _count: int = 0

    def _value(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def instruction_of(self, value: Arg) -> Instruction | None:
        """Return the instruction that made a value; None for inputs and constants."""
        return self._made.get(value) if isinstance(value, str) else None

    def input(self, name: str) -> str:
        """Declare an input, unless it is there already, and return its value."""
        if name not in self.inputs:
            self.inputs[name] = self._value()
        return self.inputs[name]

    def emit(self, op: str, *args: Arg) -> Arg:
        """Return the value of ``op(*args)``, computing it at most once."""
        args = tuple(list(a) if isinstance(a, tuple) else a for a in args)
        folded = fold(op, args)
        if folded is not None:
            return folded
        key = (op, repr(args))
        if key not in self._seen:
            out = self._value()
            self._made[out] = Instruction(out, op, args)
            self.instructions.append(self._made[out])
            self._seen[key] = out
        return self._seen[key]

    def splice(self, program: Program, inputs: Mapping[str, Arg]) -> dict[str, Arg]:
        """Repeat a program on values of this one; return the values of its outputs.

        Parameters
        ----------
        program : Program
            What to compute.
        inputs : mapping of str to (str or float)
            Value, or constant, for each of its inputs.
        """
        values = {value: inputs[name] for name, value in program.inputs.items()}

        def resolve(arg: Arg) -> Arg:
            if isinstance(arg, (list, tuple)):
                return [resolve(a) for a in arg]
            return values[arg] if isinstance(arg, str) else arg

        for instruction in program.instructions:
            arguments = map(resolve, instruction.args)
            values[instruction.out] = self.emit(instruction.op, *arguments)
        return {name: resolve(value) for name, value in program.outputs.items()}

    def build(self, outputs: Mapping[str, Arg]) -> Program:
        """Return the finished program without dead code."""
        whole = Program(dict(self.inputs), tuple(self.instructions), dict(outputs))
        return whole.select(outputs)


def entry_names(prefix: str, variable: Variable) -> list[str]:
    """Return the input names of a variable: one, or one per entry."""
    size = getattr(variable, "size", 1)
    if size == 1:
        return [f"{prefix}.{variable.name}"]
    return [f"{prefix}.{variable.name}.{i}" for i in range(size)]


def input_names(process: Process) -> list[str]:
    """Return the inputs of the process's step program, in order of declaration."""
    names = [n for state in process.states for n in entry_names("s", state)]
    names += [f"f.{forcing.name}" for forcing in process.forcings]
    names += [
        n for parameter in process.step_parameters for n in entry_names("p", parameter)
    ]
    return names
