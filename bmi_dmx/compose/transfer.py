"""From what one network remembers to what another one goes on from."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ..errors import ConfigError
from .precursors import Transfers

__all__ = ["Transfer"]


class Transfer(nn.Module):
    """A learned map from each memory of a network to that of the same name of another.

    It begins as zero: the other network starts from nothing until something is learned.

    Parameters
    ----------
    sources, targets : mapping of str to int
        Widths of what the first network remembers, and of what the second does.
    kind : {"linear", "mlp"}
        A matrix and a bias; or those behind a layer of tanh, as wide as ``targets``.

    Attributes
    ----------
    sources : tuple of str
        Names of the memories.

    Raises
    ------
    ConfigError
        When the networks remember nothing, or other things.

    References
    ----------
    Gauch et al. (2021), doi:10.5194/hess-25-2045-2021.
    """

    def __init__(
        self, sources: Mapping[str, int], targets: Mapping[str, int], kind: Transfers
    ) -> None:
        super().__init__()
        if not targets or set(sources) != set(targets):
            memories, expected = (
                ", ".join(names) or "nothing" for names in (targets, sources)
            )
            raise ConfigError(
                f"remembers {memories}, and the network before it {expected}; expected "
                "the same of both"
            )
        self.names = tuple(targets)
        self.maps = nn.ModuleDict(
            {name: _map(sources[name], width, kind) for name, width in targets.items()}
        )

    def forward(self, memory: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the memory of the second network for one of the first, by name.

        Parameters
        ----------
        memory : mapping of str to Tensor
            (place, width).
        """
        return {name: self.maps[name](memory[name]) for name in self.names}


def _map(inputs: int, outputs: int, kind: Transfers) -> nn.Module:
    last = nn.Linear(outputs if kind == "mlp" else inputs, outputs)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    if kind == "linear":
        return last
    return nn.Sequential(nn.Linear(inputs, outputs), nn.Tanh(), last)
