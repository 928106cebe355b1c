"""The long short-term memory network, with its memory declared and carried."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .base import LayerOptions, Memory, Network, activation_named, refuse_nothing

__all__ = ["Lstm"]


class Lstm(Network):
    r"""Linear layer and activation, unless left out, one LSTM layer, linear layer.

    The memory is ``hidden`` and ``cell``. A series runs through PyTorch's fused kernel;
    :meth:`step` writes out its cell on the same weights,

    .. math::
        (i, f, g, o) = W x + U h + b, \quad
        c \leftarrow \sigma(f)\, c + \sigma(i) \tanh(g), \quad
        h \leftarrow \sigma(o) \tanh(c)

    in elementary operations, which can be traced to a program.

    Parameters
    ----------
    inputs, outputs : int
        Numbers for each place.
    hidden : int
        Width of the layer.
    activation : str
        Activation after the input layer; a name in :data:`~.base.ACTIVATIONS`.
    dropout : float
        Share of LSTM outputs silenced in training mode; the memory is left whole.
    embedded : bool
        Whether the input layer, with its activation, stands before the LSTM layer.
    forget_bias : float
        What is added to the biases of the forget gates at first: large, and they begin
        open (Gers et al. 2000, doi:10.1162/089976600300015015).

    References
    ----------
    Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735.
    """

    @dataclass(frozen=True)
    class Options(LayerOptions):
        """Width, activation, dropout, and how it begins."""

        hidden: int = 64
        embedded: bool = True
        forget_bias: float = 0.0

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        hidden: int = 64,
        activation: str = "relu",
        dropout: float = 0.0,
        embedded: bool = True,
        forget_bias: float = 0.0,
    ) -> None:
        super().__init__()
        refuse_nothing(inputs)
        self.memory = {"hidden": hidden, "cell": hidden}
        self.input = nn.Linear(inputs, hidden) if embedded else nn.Identity()
        self.activation = activation_named(activation) if embedded else nn.Identity()
        self.lstm = nn.LSTM(hidden if embedded else inputs, hidden)
        if forget_bias:
            _, _, _, bias = self.lstm.all_weights[0]
            with torch.no_grad():
                bias[hidden : 2 * hidden] += forget_bias
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden, outputs)

    def step(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs of one step, (place, output), and the new memory."""
        w, u, b, d = self.lstm.all_weights[0]
        inner = self.activation(self.input(x))
        gates = torch.addmm(b + d, inner, w.t()) + memory["hidden"] @ u.t()
        i, f, g, o = gates.chunk(4, -1)
        cell = torch.sigmoid(f) * memory["cell"] + torch.sigmoid(i) * torch.tanh(g)
        hidden = torch.sigmoid(o) * torch.tanh(cell)
        return self.output(self.dropout(hidden)), {"hidden": hidden, "cell": cell}

    def series(self, x: Tensor, memory: Memory) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the outputs, (time, place, output), and the memory at the end."""
        before = (memory["hidden"].unsqueeze(0), memory["cell"].unsqueeze(0))
        y, (hidden, cell) = self.lstm(self.activation(self.input(x)), before)
        after = {"hidden": hidden.squeeze(0), "cell": cell.squeeze(0)}
        return self.output(self.dropout(y)), after
