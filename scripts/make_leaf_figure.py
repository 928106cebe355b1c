"""Draw docs/images/leaf_response.png: responses of leaves, beside another solution.

    python -m scripts.make_leaf_figure

Lines are the process; circles are the solver of the tests, which shares no code with
it.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from PIL import Image

from tests.models.ecosystem.independent import gas_exchange
from tests.models.ecosystem.leaves import exchange, given, leaf

TARGET = Path(__file__).parents[1] / "docs" / "images" / "leaf_response.png"

ASSIMILATION = r"net assimilation, µmol m$^{-2}$ s$^{-1}$"
CONDUCTANCE = r"stomatal conductance, mol m$^{-2}$ s$^{-1}$"
C3, C4, WARM = "#1b7f4d", "#d9822b", "#8a4fbf"
LEAVES = (
    ({"pathway": "c3", "stomata": "medlyn"}, C3, "-"),
    ({"pathway": "c3", "stomata": "ball_berry"}, C3, (0, (4, 1.6))),
    ({"pathway": "c4", "stomata": "medlyn"}, C4, "-"),
    ({"pathway": "c4", "stomata": "ball_berry"}, C4, (0, (4, 1.6))),
)
PEAKS = (
    ({"temperature": "arrhenius"}, "#9aa5a0", "-", {}),
    ({"temperature": "peaked"}, C3, "-", {}),
    ({"temperature": "acclimated"}, "#3b6fb6", "-", {"growth_temperature": 12.0}),
    ({"temperature": "acclimated"}, WARM, "-", {"growth_temperature": 28.0}),
)


def draw(
    axes: Axes, options: dict[str, Any], color: str, line: Any, *,
    swept: str, values: np.ndarray, over: str, shown: str, scale: float = 1.0,
    **fixed: Any,
) -> None:  # fmt: skip
    """Draw one response, and every tenth of its values by the other solution."""
    process = leaf(**options)
    fine = fixed | {swept: values}
    responses = {n: x.numpy() for n, x in exchange(process, **fine).items()} | fine
    x = responses[over] * scale
    axes.plot(x, responses[shown], color=color, linestyle=line, linewidth=1.8)
    inputs = given(process, **fixed, **{swept: values[5::10]})
    shape = len(values[5::10])
    other = gas_exchange(
        process.options, **{n: np.broadcast_to(x, shape) for n, x in inputs.items()}
    )
    at = other.get(over, values[5::10]) * scale
    axes.plot(
        at, other[shown], "o", color=color, markerfacecolor="white", markersize=4.6,
        markeredgewidth=1.1,
    )  # fmt: skip


def panels(figure: plt.Figure) -> None:
    (light, carbon), (dryness, warmth) = figure.subplots(2, 2)
    for kind in LEAVES:
        draw(
            light, *kind, swept="photon_flux", values=np.linspace(0.0, 2000.0, 121),
            over="photon_flux", shown="net_assimilation",
        )  # fmt: skip
        draw(
            carbon, *kind, swept="carbon_dioxide",
            values=np.linspace(20.0, 1500.0, 121), over="intercellular_carbon_dioxide",
            shown="net_assimilation",
        )  # fmt: skip
        draw(
            dryness, *kind, swept="vapour_pressure_deficit",
            values=np.linspace(200.0, 3000.0, 121), over="vapour_pressure_deficit",
            shown="stomatal_conductance", scale=1e-3,
        )  # fmt: skip
    for *kind, grown in PEAKS:
        draw(
            warmth, *kind, swept="air_temperature", values=np.linspace(2.0, 46.0, 121),
            over="air_temperature", shown="net_assimilation",
            vapour_pressure_deficit=600.0, photon_flux=1800.0, **grown,
        )  # fmt: skip
    light.set(xlabel=r"light, µmol m$^{-2}$ s$^{-1}$", ylabel=ASSIMILATION)
    carbon.set(xlabel=r"CO$_2$ between the cells, µmol mol$^{-1}$", ylabel=ASSIMILATION)
    carbon.set_xlim(0.0, 1000.0)
    dryness.set(
        xlabel="vapour pressure deficit, kPa", ylabel=CONDUCTANCE, ylim=(0, None)
    )
    warmth.set(xlabel="temperature, °C", ylabel=ASSIMILATION, ylim=(0, None))
    for axes, letter in zip((light, carbon, dryness, warmth), "abcd", strict=True):
        axes.set_title(letter, loc="left", fontweight="bold", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.93", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.margins(x=0.02)
    for axes in (light, carbon):
        axes.axhline(0.0, color="0.6", linewidth=0.8, zorder=0.5)
    carbon.legend(handles=legend(), frameon=False, fontsize=8, loc="lower right")
    names = ("Arrhenius", "peaked", "grown at 12 °C", "grown at 28 °C")
    handles = [
        Line2D([], [], color=color, linewidth=1.8, label=name)
        for (_, color, _, _), name in zip(PEAKS, names, strict=True)
    ]
    warmth.legend(handles=handles, frameon=False, fontsize=8, loc="upper left")


def legend() -> list[Line2D]:
    names = ("C3, Medlyn", "C3, Ball–Berry", "C4, Medlyn", "C4, Ball–Berry")
    lines = [
        Line2D([], [], color=color, linestyle=line, linewidth=1.8, label=name)
        for (_, color, line), name in zip(LEAVES, names, strict=True)
    ]
    circle = Line2D(
        [], [], color="0.3", marker="o", linestyle="", markerfacecolor="white",
        markersize=4.6, label="independent solver",
    )  # fmt: skip
    return [*lines, circle]


def main() -> None:
    plt.rcParams |= {"font.size": 9, "axes.edgecolor": "0.4", "axes.labelsize": 9}
    figure = plt.figure(figsize=(8.6, 6.6), layout="constrained")
    panels(figure)
    TARGET.parent.mkdir(exist_ok=True)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=120)
    plt.close(figure)
    # Lines and letters need few colours.
    Image.open(drawn).convert("RGB").quantize(64).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
