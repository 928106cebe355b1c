"""Precipitation of several products, blended by weights of the place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from ...errors import ConfigError
from ...process import NoOptions, Process
from ...variables import Flux, Forcing, Parameter
from .forcings import PRECIPITATION

__all__ = ["PrecipitationBlend", "of_product", "share_of"]


def of_product(forcing: Forcing, product: str) -> Forcing:
    """Return a forcing as one product has it, such as ``precipitation_daymet``."""
    extreme = forcing.extreme
    if extreme is not None:
        extreme = (extreme[0], f"{extreme[1]}_{product}")
    return replace(
        forcing,
        name=f"{forcing.name}_{product}",
        about=f"{forcing.about}, of {product}",
        # The standard name is that of the quantity, which several products give.
        standard_name="",
        extreme=extreme,
    )


def share_of(product: str) -> str:
    """Return the name of the parameter that is the share of a product."""
    return f"share_{product}"


class PrecipitationBlend(Process):
    r"""Precipitation of several products: :math:`P = \sum_k w_k P_k`.

    The weights :math:`w_k = s_k / \sum_j s_j` are a softmax of the logarithms of the
    shares :math:`s_k`, which a network learns of places; they sum to one. The blended
    precipitation is what enters the land, and its water budget.

    References
    ----------
    Kratzert et al. (2021), HESS 25, 2685, doi:10.5194/hess-25-2685-2021: what several
    products give together.
    """

    about = "precipitation of several products, blended by weights of the place"
    fluxes = (
        Flux(
            name="precipitation", symbol="P", units="mm d-1", per_step="rate",
            about="rain and snow, blended of several products",
        ),
    )  # fmt: skip

    @dataclass(frozen=True)
    class Options:
        """The marks of the products."""

        products: tuple[str, ...] = ("first", "second")

        def __post_init__(self) -> None:
            if len(self.products) < 2 or len(set(self.products)) < len(self.products):
                raise ConfigError(
                    f"products: found {', '.join(self.products) or 'none'}, expected "
                    "two or more, each once"
                )
            for name in self.products:
                if not f"p_{name}".isidentifier():
                    raise ConfigError(
                        f"products: found {name!r}, expected letters, digits and '_'"
                    )

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.products = self.options.products
        self.forcings = tuple(of_product(PRECIPITATION, n) for n in self.products)
        self.parameters = tuple(_share(name) for name in self.products)
        self.prepared = tuple(_weight(name) for name in self.products)
        # They decide the declarations, and nothing else.
        self.options = NoOptions()

    def prepare(self, p: SimpleNamespace) -> dict[str, Tensor]:
        """Return the weights of the products, which sum to one."""
        shares = [getattr(p, share_of(name)) for name in self.products]
        total = sum(shares[1:], start=shares[0])
        return {
            _weight(name).name: share / total
            for name, share in zip(self.products, shares, strict=True)
        }

    def step(
        self, s: SimpleNamespace, f: SimpleNamespace, p: SimpleNamespace
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return no state, and the blended precipitation."""
        terms = [
            getattr(p, _weight(name).name)
            * getattr(f, of_product(PRECIPITATION, name).name)
            for name in self.products
        ]
        return {}, {"precipitation": sum(terms[1:], start=terms[0])}


def _share(product: str) -> Parameter:
    return Parameter(
        name=share_of(product), symbol="s", bounds=(0.01, 1.0), default=0.1,
        spacing="log", per="place",
        about=f"share of {product} in the precipitation, before all sum to one",
    )  # fmt: skip


def _weight(product: str) -> Parameter:
    return Parameter(
        name=f"weight_{product}", bounds=(0.0, 1.0), per="place",
        about=f"weight of {product} in the precipitation",
    )  # fmt: skip
