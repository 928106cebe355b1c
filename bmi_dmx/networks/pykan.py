"""Networks trained with pykan, as networks of this package."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ..errors import ConfigError
from .kan import MOST_ORDER, Kan

__all__ = ["kan_of"]

_LAYER = re.compile(r"(.*?)act_fun\.(\d+)\.coef")


def kan_of(weights: Mapping[str, Tensor]) -> Kan:
    """Return a network with the weights of one that was trained with pykan.

    It has linear layers ``input`` and ``output``, and layers of pykan between them, as
    ``layers.0.act_fun.0.coef`` and so on. Masks are multiplied into the weights, and
    the two affine maps of each node become one.

    Parameters
    ----------
    weights : mapping of str to Tensor
        A state dict.

    Raises
    ------
    ConfigError
        Naming the array that is missing or misshapen, knots that were moved from where
        they are made, or a symbolic function that is in use.
    """
    entries = sorted(_layers(weights))
    if not entries:
        raise ConfigError("no array '…act_fun.0.coef': not the weights of a pykan")
    layers = [_Layer(weights, prefix, number) for *_, prefix, number in entries]
    first, last = (_get(weights, f"{name}.weight") for name in ("input", "output"))
    width, inputs = first.shape
    for layer in layers:
        if layer.key != (width, width, *layers[0].key[2:]):
            raise ConfigError(
                f"{layer.name}: found {layer.described}, expected "
                f"{width} inputs and outputs, and splines as of {layers[0].name}"
            )
    _, _, grid, order = layers[0].key
    network = Kan(
        inputs, len(last), hidden=width, layers=len(layers), grid=grid, order=order
    ).to(first.dtype)
    state = {
        "trunks.0.input.weight": first,
        "trunks.0.input.bias": _get(weights, "input.bias"),
        "output.weight": last,
        "output.bias": _get(weights, "output.bias"),
    }
    for at, layer in enumerate(layers):
        arrays = layer.state()
        state |= {f"trunks.0.layers.{at}.{name}": x for name, x in arrays.items()}
    network.load_state_dict(state)
    return network.eval()


def _layers(weights: Mapping[str, Tensor]) -> Iterator[tuple[list[int], str, int]]:
    """Yield the layers, first what brings them into order."""
    for name in weights:
        match = _LAYER.fullmatch(name)
        if match:
            numbers = [int(n) for n in re.findall(r"\d+", name)]
            yield numbers, match[1], int(match[2])


def _get(weights: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in weights:
        raise ConfigError(f"array {name!r} is missing")
    return weights[name].detach()


class _Layer:
    """The arrays of one layer of pykan."""

    def __init__(self, weights: Mapping[str, Tensor], prefix: str, number: int) -> None:
        self.name = f"{prefix}act_fun.{number}"

        def edge(name: str) -> Tensor:
            return _get(weights, f"{self.name}.{name}")

        def node(name: str) -> Tensor:
            return _get(weights, f"{prefix}{name}_{number}")

        self._coefficients = edge("coef")  # (input, output, B-spline)
        self._grid, mask = edge("grid"), edge("mask")
        self._base, self._scale = edge("scale_base") * mask, edge("scale_sp") * mask
        self._gain = node("node_scale") * node("subnode_scale")
        self._shift = node("node_scale") * node("subnode_bias") + node("node_bias")
        symbolic = weights.get(f"{prefix}symbolic_fun.{number}.mask")
        if symbolic is not None and bool(symbolic.any()):
            raise ConfigError(
                f"{prefix}symbolic_fun.{number}.mask: found functions that were fixed, "
                "expected splines alone"
            )
        inputs, outputs, count = self._coefficients.shape
        order = self._grid.shape[-1] - count - 1
        self.key = (inputs, outputs, count - order, order)
        self._refuse_moved_knots()

    @property
    def described(self) -> str:
        """Its sizes, for messages."""
        inputs, outputs, grid, order = self.key
        return f"{inputs} inputs, {outputs} outputs, grid {grid} and order {order}"

    def _refuse_moved_knots(self) -> None:
        _, _, grid, order = self.key
        if grid < 1 or not 1 <= order <= MOST_ORDER:
            raise ConfigError(
                f"{self.name}.grid: found {self.described}, expected a grid of at "
                f"least 1 and an order of 1 to {MOST_ORDER}"
            )
        count = self._grid.shape[-1]
        knots = (torch.arange(count, dtype=torch.float64) - order) * (2.0 / grid) - 1.0
        off = float((self._grid.double() - knots).abs().max())
        if off > 1e-5:
            raise ConfigError(
                f"{self.name}.grid: found knots {off:g} from where they are made, "
                "expected equal distances from -1 to 1"
            )

    def state(self) -> dict[str, Tensor]:
        """Return the arrays as a :class:`~.kan.SplineLayer` has them."""
        return {
            "base": self._base,
            "scale": self._scale,
            "coefficients": self._coefficients.transpose(1, 2),
            "gain": self._gain,
            "shift": self._shift,
        }
