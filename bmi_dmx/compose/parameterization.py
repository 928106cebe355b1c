"""Networks that supply parameters, inside their bounds or by what was observed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ..errors import ConfigError, suggestion
from ..networks.base import Memory, Network
from ..networks.normalization import Normalizer
from ..networks.statistics import Moments, Statistics
from ..registries import networks
from ..variables import Parameter
from .part import Part
from .plan import Plan
from .spec import PartSpec

__all__ = [
    "ConstantParameters",
    "SuppliedParameter",
    "VaryingParameters",
    "raw_outputs",
    "supplied",
    "train_networks_in",
    "within_bounds",
]

_MARGIN = 0.1  # share of a range, at both ends, that no member starts in


@dataclass(frozen=True)
class SuppliedParameter:
    """A parameter that a network supplies, and how many members have one of their own.

    Parameters
    ----------
    parameter : Parameter
        The declaration.
    members : int, optional
        None where it is one value for each place.
    moments : Moments, optional
        Of the observed quantity that it stands for.
    """

    parameter: Parameter
    members: int | None
    moments: Moments | None = None

    @property
    def channels(self) -> int:
        """Outputs of the network that it takes."""
        return self.members or 1

    def value(self, raw: Tensor, share: Tensor) -> Tensor:
        """Return physical values, (…, member) or (…).

        Parameters
        ----------
        raw, share : Tensor
            (…, member or 1), of a network and between 0 and 1.
        """
        if self.parameter.spacing == "share":
            values = _shares(raw, self.parameter)
        elif self.parameter.spacing == "free":
            bounded = self.parameter.bounds is not None
            values = _cut(raw, self.parameter) if bounded else raw
        elif self.moments is None:
            values = within_bounds(share, self.parameter)
        else:
            values = _cut(self.moments.mean + self.moments.std * raw, self.parameter)
        return values if self.members else values.squeeze(-1)


def supplied(
    whole: Plan, network: str, statistics: Statistics
) -> list[SuppliedParameter]:
    """Return what a network supplies, in the order of its channels.

    Parameters
    ----------
    whole : Plan
        Of the model.
    network : str
        Name of the part.
    statistics : Statistics
        With those of the observed quantities that it answers.

    Raises
    ------
    ConfigError
        When parts that share a parameter declare it in different ways.
    """
    moments_of = statistics.seen_by(network)
    entries: dict[str, tuple[str, SuppliedParameter]] = {}
    for part, parameter in whole.given():
        link = whole.link(part, parameter.name)
        if link.part != network:
            continue
        members = part.members if parameter.per == "member" else None
        declaration = replace(parameter, name=link.name)
        moments = moments_of[declaration.target] if declaration.target else None
        one = SuppliedParameter(declaration, members, moments)
        first, other = entries.setdefault(link.name, (part.name, one))
        if not _alike(one, other):
            raise ConfigError(
                f"{network}.gives: {link.name!r} is shared by {first!r} and "
                f"{part.name!r}, whose bounds, spacing or members differ; let one of "
                "them read another name"
            )
    order = whole[network].gives
    return [entries[name.rpartition(".")[2]][1] for name in order]


def _alike(one: SuppliedParameter, other: SuppliedParameter) -> bool:
    a, b = one.parameter, other.parameter
    same = (a.bounds, a.spacing, a.units) == (b.bounds, b.spacing, b.units)
    same = same and a.target == b.target
    return same and one.members == other.members


def _shares(raw: Tensor, parameter: Parameter) -> Tensor:
    """Return values of mean one over members, none below the lowest that may be."""
    low, _ = parameter.limits
    return low + (1.0 - low) * raw.shape[-1] * torch.softmax(raw, -1)


def _cut(values: Tensor, parameter: Parameter) -> Tensor:
    """Return values with what lies out of the bounds brought to them.

    The gradient passes as if nothing were cut, so that a network whose answer is cut
    learns from where it should lie.
    """
    low, high = parameter.limits
    cut = values.clamp(low, high)
    return values + (cut - values).detach() if values.requires_grad else cut


def within_bounds(share: Tensor, parameter: Parameter) -> Tensor:
    """Return the physical value at a share (0 to 1) of a parameter's bounds."""
    if parameter.bounds is None:
        raise ConfigError(
            f"parameter {parameter.name!r} has no bounds to be learned in"
        )
    low, high = parameter.bounds
    if parameter.spacing == "log":
        return low * torch.exp(math.log(high / low) * share)
    return low + (high - low) * share


class _SupplyingNetwork(nn.Module):
    """A network that supplies parameters, in the precision that it is trained in."""

    network: Network
    precision: torch.dtype | None = None
    """Of matrix products and what follows from them, in training mode alone."""

    collected: list[Tensor] | None = None
    """What takes in the outputs that have a gradient; see :func:`raw_outputs`."""

    def run(
        self, x: Tensor, memory: Memory, *, series: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs of one step or a series and the memory, alike ``x``."""
        advance = self.network.series if series else self.network.step
        if self.precision is None or not self.training:
            raw, memory = advance(x, memory)
        else:
            with torch.autocast(x.device.type, self.precision):
                raw, memory = advance(x, memory)
        if self.collected is not None and raw.requires_grad:
            self.collected.append(raw)
        return raw.to(x), {name: entry.to(x) for name, entry in memory.items()}


class ConstantParameters(_SupplyingNetwork):
    """From attributes to parameters that never change, hence causal.

    Parameters
    ----------
    part : Part
        The part of the model.
    spec : PartSpec
        Which network, and its options.
    statistics : Statistics
        Moments of the attributes.
    supplied : sequence of SuppliedParameter
        What it supplies, in the order of the network's channels.
    """

    def __init__(
        self,
        part: Part,
        spec: PartSpec,
        statistics: Statistics,
        supplied: Sequence[SuppliedParameter],
    ) -> None:
        super().__init__()
        self.supplied = tuple(supplied)
        # Before it is made, for its options are those of another kind of network.
        if networks[spec.network or ""].series is not Network.series:
            raise ConfigError(
                f"{part.name}.network: {spec.network!r} has a memory; attributes do "
                "not change with time"
            )
        self.normalize = Normalizer(statistics.seen_by(part.name), part.attributes)
        self.network = _network(part, spec, len(part.attributes), self.supplied)
        _spread_bias(self.network, self.supplied)

    def forward(self, attributes: Tensor) -> dict[str, Tensor]:
        """Return physical values by parameter name.

        Parameters
        ----------
        attributes : Tensor
            Raw values, (place, attribute), in configured order.

        Returns
        -------
        dict of str to Tensor
            (place, member), or (place,) where members share it.
        """
        raw, _ = self.run(self.normalize(attributes), {})
        return _values(raw, self.supplied)


class VaryingParameters(_SupplyingNetwork):
    """From forcings, attributes and memory to parameters that change with time.

    Parameters
    ----------
    part, spec, statistics, supplied
        As of :class:`ConstantParameters`; the statistics are those of the forcings as
        well.
    """

    def __init__(
        self,
        part: Part,
        spec: PartSpec,
        statistics: Statistics,
        supplied: Sequence[SuppliedParameter],
    ) -> None:
        super().__init__()
        self.supplied = tuple(supplied)
        names = [entry.parameter.name for entry in self.supplied]
        for name in spec.window_end:
            if name not in names:
                raise ConfigError(
                    f"parts.{part.name}.window_end: {name!r} is no parameter that it "
                    f"gives{suggestion(name, names)}"
                )
        for entry in self.supplied:
            if entry.parameter.name in spec.window_end:
                continue
            if entry.parameter.spacing == "share":
                raise ConfigError(
                    f"parts.{part.name}.gives: {entry.parameter.name!r} is constant: "
                    "what members hold would appear and vanish as it changes; let a "
                    "network of attributes alone give it"
                )
        moments = statistics.seen_by(part.name)
        self.normalize_forcing = Normalizer(moments, part.inputs)
        self.normalize_attributes = Normalizer(moments, part.attributes)
        inputs = len(part.inputs) + len(part.attributes)
        self.network = _network(part, spec, inputs, self.supplied)
        _spread_bias(self.network, self.supplied)

    def forward(
        self, forcing: Tensor, attributes: Tensor, memory: Memory
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return physical values by parameter name, and the new memory.

        Parameters
        ----------
        forcing : Tensor
            Raw values, (place, forcing) for one step or (time, place, forcing).
        attributes : Tensor
            Raw values, (place, attribute).
        memory : mapping of str to Tensor
            Old memory, (place, width).

        Returns
        -------
        parameters : dict of str to Tensor
            (place, member) or (time, place, member).
        memory : dict of str to Tensor
            Memory after the last step.
        """
        raw, memory = self.answer(forcing, attributes, memory)
        return self.values(raw), memory

    def answer(
        self, forcing: Tensor, attributes: Tensor, memory: Memory
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs of the network, (…, channel); else as :meth:`forward`."""
        x = self.normalize_forcing(forcing)
        fixed = self.normalize_attributes(attributes)
        fixed = fixed.expand(*x.shape[:-1], fixed.shape[-1])
        raw, memory = self.run(torch.cat([x, fixed], -1), memory, series=x.ndim != 2)
        return raw, dict(memory)

    def values(self, raw: Tensor) -> dict[str, Tensor]:
        """Return physical values by parameter name for outputs of the network."""
        return _values(raw, self.supplied)

    @property
    def channels(self) -> int:
        """Outputs of the network."""
        return sum(entry.channels for entry in self.supplied)


def train_networks_in(model: nn.Module, precision: torch.dtype) -> None:
    """Let networks be trained in a lower precision, and the physics as it is.

    Their weights, what they read and what they answer stay as they are, and so does
    all that they do outside of training mode.

    Parameters
    ----------
    model : Module
        One whose parts have such networks.
    precision : dtype
        Such as ``torch.bfloat16``.
    """
    for module in model.modules():
        if isinstance(module, (_SupplyingNetwork, Network)):
            module.precision = precision


@contextmanager
def raw_outputs(model: nn.Module) -> Iterator[list[Tensor]]:
    """Give what networks answer before it is brought inside the bounds.

    While the context lasts, each time a network that supplies parameters runs with
    gradient, its outputs are added to the list: 0 in the middle of the bounds, logits
    of the share of them elsewhere.

    Parameters
    ----------
    model : Module
        One whose parts have such networks.
    """
    collected: list[Tensor] = []
    supplying = [m for m in model.modules() if isinstance(m, _SupplyingNetwork)]
    for module in supplying:
        module.collected = collected
    try:
        yield collected
    finally:
        for module in supplying:
            module.collected = None


def _values(raw: Tensor, supplied: Sequence[SuppliedParameter]) -> dict[str, Tensor]:
    sizes = [entry.channels for entry in supplied]
    answers = (x.split_with_sizes(sizes, -1) for x in (raw, torch.sigmoid(raw)))
    return {
        entry.parameter.name: entry.value(answer, share)
        for entry, answer, share in zip(supplied, *answers, strict=True)
    }


def _network(
    part: Part, spec: PartSpec, inputs: int, supplied: Sequence[SuppliedParameter]
) -> Network:
    outputs = sum(entry.channels for entry in supplied)
    kind = networks[spec.network or ""]
    try:
        return kind.make(inputs, outputs, spec.options)
    except ConfigError as error:
        raise ConfigError(f"{part.name}: {error}") from None


def _spread_bias(network: Network, supplied: Sequence[SuppliedParameter]) -> None:
    """Set the output bias so that members start spread over the parameters' bounds.

    Each parameter's members take the midpoints of ``members`` equal parts of its range
    in random order, a Latin hypercube (McKay et al. 1979,
    doi:10.1080/00401706.1979.10489755): no two members start equal, and their mean is
    the middle of the range. What members share starts in the middle.
    """
    bias = network.output.bias
    with torch.no_grad():
        bias.zero_()
        first = 0
        for entry in supplied:
            if entry.members and entry.parameter.spacing != "share":
                middle = torch.arange(entry.members, dtype=bias.dtype) + 0.5
                share = _MARGIN + (1.0 - 2.0 * _MARGIN) * (middle / entry.members)
                order = torch.randperm(entry.members)
                bias[first : first + entry.members] = torch.logit(share)[order]
            first += entry.channels
