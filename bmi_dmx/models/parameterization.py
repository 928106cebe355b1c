"""Networks that supply a process's parameters inside their declared bounds."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..variables import Parameter
from .networks.base import Memory, Network
from .normalization import Normalize
from .registries import networks
from .spec import ROUTING_PARAMETERS, DynamicSpec, ModelSpec, StaticSpec
from .statistics import Statistics

__all__ = ["DynamicHead", "StaticHead", "within_bounds"]

_MARGIN = 0.1  # share of a range, at both ends, that no member starts in


def within_bounds(share: Tensor, parameter: Parameter) -> Tensor:
    """Return the physical value at a share (0 to 1) of a parameter's bounds."""
    if parameter.bounds is None:
        raise ConfigError(
            f"parameter {parameter.name!r} has no bounds to be learned in"
        )
    low, high = parameter.bounds
    return low + (high - low) * share


class StaticHead(nn.Module):
    """From attributes to parameters that never change, hence causal.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    statistics : Statistics
        Moments of the attributes.
    parameters : sequence of Parameter
        Process parameters to supply, in the order of the network's channels.
    """

    def __init__(
        self, spec: ModelSpec, statistics: Statistics, parameters: Sequence[Parameter]
    ) -> None:
        super().__init__()
        head = spec.static
        self.declared = tuple(parameters)
        self.routed = ROUTING_PARAMETERS if spec.routing == "gamma" else ()
        self.members = spec.members
        self.normalize = Normalize(statistics, head.attributes)
        outputs = len(self.declared) * spec.members + len(self.routed)
        if head.network in networks and networks[head.network].remembers:
            raise ConfigError(
                f"static.network: {head.network!r} has a memory; attributes do not "
                "change with time"
            )
        self.network = _network("static", head, len(head.attributes), outputs)
        _spread_bias(self.network, len(self.declared), spec.members)

    def forward(self, attributes: Tensor) -> dict[str, Tensor]:
        """Return physical values by parameter name.

        Parameters
        ----------
        attributes : Tensor
            Raw values, (location, attribute), in configured order.

        Returns
        -------
        dict of str to Tensor
            (location, member); routing parameters (location,).
        """
        raw, _ = self.network.step(self.normalize(attributes), {})
        sizes = [self.members] * len(self.declared) + [1] * len(self.routed)
        shares = torch.sigmoid(raw).split_with_sizes(sizes, -1)
        values = {
            p.name: within_bounds(share, p)
            for p, share in zip((*self.declared, *self.routed), shares, strict=True)
        }
        for parameter in self.routed:
            values[parameter.name] = values[parameter.name].squeeze(-1)
        return values


class DynamicHead(nn.Module):
    """From forcings, attributes and memory to parameters that change with time.

    Parameters
    ----------
    spec : ModelSpec
        The model; its ``dynamic`` block is given.
    statistics : Statistics
        Moments of the forcings and attributes.
    parameters : sequence of Parameter
        Process parameters to supply, in the order of the network's channels.
    """

    def __init__(
        self, spec: ModelSpec, statistics: Statistics, parameters: Sequence[Parameter]
    ) -> None:
        super().__init__()
        head = spec.dynamic
        if head is None:
            raise ConfigError("dynamic: the model has no such block")
        self.declared = tuple(parameters)
        self.members = spec.members
        self.normalize_forcing = Normalize(statistics, head.forcings)
        self.normalize_attributes = Normalize(statistics, head.attributes)
        inputs = len(head.forcings) + len(head.attributes)
        outputs = len(self.declared) * spec.members
        self.network = _network("dynamic", head, inputs, outputs)
        _spread_bias(self.network, len(self.declared), spec.members)

    def forward(
        self, forcing: Tensor, attributes: Tensor, memory: Memory
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return physical values by parameter name, and the new memory.

        Parameters
        ----------
        forcing : Tensor
            Raw values, (location, forcing) for one step or (time, location, forcing).
        attributes : Tensor
            Raw values, (location, attribute).
        memory : mapping of str to Tensor
            Old memory, (location, width).

        Returns
        -------
        parameters : dict of str to Tensor
            (location, member) or (time, location, member).
        memory : dict of str to Tensor
            Memory after the last step.
        """
        x = self.normalize_forcing(forcing)
        fixed = self.normalize_attributes(attributes)
        fixed = fixed.expand(*x.shape[:-1], fixed.shape[-1])
        advance = self.network.step if x.ndim == 2 else self.network.series
        raw, memory = advance(torch.cat([x, fixed], -1), memory)
        shares = torch.sigmoid(raw).chunk(len(self.declared), -1)
        pairs = zip(self.declared, shares, strict=True)
        return {p.name: within_bounds(share, p) for p, share in pairs}, dict(memory)


def _network(
    key: str, head: StaticSpec | DynamicSpec, inputs: int, outputs: int
) -> Network:
    try:
        return networks[head.network](
            inputs,
            outputs,
            hidden=head.hidden,
            activation=head.activation,
            dropout=head.dropout,
        )
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from None


def _spread_bias(network: Network, parameters: int, members: int) -> None:
    """Set the output bias so that members start spread over the parameters' bounds.

    Each parameter's members take the midpoints of ``members`` equal parts of its range
    in random order, a Latin hypercube (McKay et al. 1979,
    doi:10.1080/00401706.1979.10489755): no two members start equal, and their mean is
    the middle of the range. Channel ``i * members + m`` is member m of parameter i;
    further channels start in the middle.
    """
    bias = network.output.bias
    middle = (torch.arange(members, dtype=bias.dtype) + 0.5) / members
    logit = torch.logit(_MARGIN + (1.0 - 2.0 * _MARGIN) * middle)
    with torch.no_grad():
        bias.zero_()
        for i in range(parameters):
            order = torch.randperm(members)
            bias[i * members : (i + 1) * members] = logit[order]
