"""Draw the rooms of the package, and who imports whom, and list them.

The picture is docs/images/rooms.png; the table stands in docs/architecture.md between
``<!-- rooms -->`` and ``<!-- end -->``. Everything is read from the source: a room
stands one floor above the highest that it imports, lines that others already imply are
left out, and what a room is its docstring says.

    python scripts/make_rooms_figure.py
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bmi_dmx.files import atomic

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "bmi_dmx"
PICTURE = ROOT / "docs" / "images" / "rooms.png"
PAGE = ROOT / "docs" / "architecture.md"
MARKED = re.compile(r"(<!-- rooms -->\n).*?(<!-- end -->)", re.DOTALL)

FOUNDATION = "foundation"
ON_GROUND = (
    "errors", "files", "registry", "units", "conversion", "config", "logs",
    "progress", "tables",
)  # fmt: skip
"""Single files that all rooms use, drawn as one."""

DATA_ONLY = ("configs", "bundles")

DOOR = "__main__"
"""Another name of the command line, and no room."""

GUESTS = ("models", "trainer/tasks")
"""Folders whose folders are guests, each a room."""

HOSTS = (
    "ngen", "routing", "inspection", "twins", "demo", "benchmarks", "info",
    "command_groups", "cli",
)  # fmt: skip
"""Rooms that may know guests by name, and those above them."""

FINDERS = ("registries", "trainer")
"""The rooms that find them by name, each the guests of one folder."""

STRIDE, WIDTH, HEIGHT = 2.5, 2.3, 0.56
LAST = 4.5
"""Column of the guests farthest to the right; the general rooms stand around 0."""

GREEN = "#3a7d3a"
COLOURS = {"general": "#dce6f2", "guest": "#dcefdc", "host": "#f4e6d0"}
ABOUT = {
    "general": "general: knows no domain",
    "guest": "guest: one domain or task",
    "host": "commands and hosts",
}


def modules() -> dict[str, Path]:
    """Return the modules of the package by dotted name."""
    modules = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["bmi_dmx", *path.relative_to(PACKAGE).with_suffix("").parts]
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return modules


def room(module: str) -> str:
    """Return the room of a module; empty for the package itself."""
    names = module.split(".")[1:]
    for guests in GUESTS:
        depth = guests.count("/") + 1
        if "/".join(names[:depth]) == guests and len(names) > depth:
            return f"{guests}/{names[depth]}"
    if not names or names[0] in (*DATA_ONLY, DOOR) or "/".join(names) in GUESTS:
        return ""
    return FOUNDATION if names[0] in ON_GROUND else names[0]


class _Imports(ast.NodeVisitor):
    """Collects imports wherever they stand, but for those of type checkers alone."""

    def __init__(self) -> None:
        self.found: list[ast.Import | ast.ImportFrom] = []

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                self.visit(other)
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found.append(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.found.append(node)


def imported(module: str, path: Path, paths: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules that a source file imports."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    visitor = _Imports()
    visitor.visit(ast.parse(path.read_text(encoding="utf-8")))
    for node in visitor.found:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
            continue
        base = package.split(".")[: 1 - node.level or None] if node.level else []
        origin = ".".join([*base, *filter(None, [node.module])])
        for alias in node.names:
            inner = f"{origin}.{alias.name}"
            yield inner if inner in paths else origin


def rooms() -> dict[str, set[str]]:
    """Return the rooms and those that each imports."""
    paths = modules()
    rooms: dict[str, set[str]] = {room(m): set() for m in paths if room(m)}
    for module, path in paths.items():
        here = room(module)
        for target in imported(module, path, paths):
            there = room(target) if target.startswith("bmi_dmx.") else ""
            if here and there and there != here:
                rooms[here].add(there)
    return rooms


def floors(imports: Mapping[str, set[str]]) -> dict[str, int]:
    """Return the floor of each room: one above the highest that it imports.

    Raises
    ------
    RecursionError
        When rooms import each other.
    """
    floors: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in floors:
            floors[name] = max((floor(other) + 1 for other in imports[name]), default=0)
        return floors[name]

    return {name: floor(name) for name in sorted(imports)}


def reduced(imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the imports without those that follow from others."""

    def below(name: str) -> set[str]:
        return imports[name].union(*(below(other) for other in imports[name]))

    return {
        name: {o for o in others if not any(o in below(x) for x in others - {o})}
        for name, others in imports.items()
    }


def kind(name: str) -> str:
    """Return what a room is."""
    if name.startswith(GUESTS):
        return "guest"
    return "host" if name in HOSTS else "general"


def places(at: Mapping[str, int]) -> dict[str, tuple[float, float]]:
    """Return the middle of each box: hosts to the left, guests to the right."""
    places: dict[str, tuple[float, float]] = {}
    for level in range(max(at.values()) + 1):
        row = {k: sorted(n for n in at if at[n] == level and kind(n) == k)
               for k in COLOURS}  # fmt: skip
        general = row["general"]
        for k, name in enumerate(general):
            places[name] = (STRIDE * (k - (len(general) - 1) / 2), level)
        edge = STRIDE * max(len(general) - 1, 0) / 2
        for k, name in enumerate(row["host"]):
            places[name] = (-edge - STRIDE * (k + 1), level)
        for k, name in enumerate(row["guest"]):
            places[name] = (STRIDE * (LAST - k), level)
    return places


def draw(path: Path) -> None:
    """Draw the picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    imports = rooms()
    at = floors(imports)
    middle = places(at)
    figure, axes = plt.subplots(figsize=(12.8, 7.4))
    for name, others in reduced(imports).items():
        x, y = middle[name]
        for other in others:
            u, v = middle[other]
            axes.plot([x, u], [y - HEIGHT / 2, v + HEIGHT / 2],
                      color="0.7", linewidth=0.8, zorder=1)  # fmt: skip
    _boxes(axes, middle)
    for offset, (origin, guests) in enumerate(zip(FINDERS, GUESTS, strict=True)):
        # Single files are what guests share, by import.
        folders = [n for n in middle if (PACKAGE / n).is_dir()]
        reached = [middle[n] for n in folders if n.startswith(guests)]
        _found_by_name(axes, middle[origin], reached, 0.35 + 0.3 * offset)
    left = min(x for x, _ in middle.values()) - WIDTH / 2 - 0.4
    for level in range(max(at.values()) + 1):
        axes.text(left, level, str(level), ha="right", va="center", color="0.45")
    _legend(axes)
    axes.set_axis_off()
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=110, bbox_inches="tight", format="png")
    plt.close(figure)


def _boxes(axes: Any, middle: Mapping[str, tuple[float, float]]) -> None:
    from matplotlib.patches import Rectangle

    for name, (x, y) in middle.items():
        axes.add_patch(
            Rectangle(
                (x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT,
                facecolor=COLOURS[kind(name)], edgecolor="0.35", linewidth=0.8,
                zorder=2,
            )
        )  # fmt: skip
        label = name.removeprefix("trainer/")
        axes.text(x, y, label, ha="center", va="center", fontsize=7.5, zorder=3)


def _found_by_name(
    axes: Any,
    start: tuple[float, float],
    guests: Iterable[tuple[float, float]],
    beyond: float,
) -> None:
    """Draw how guests are reached that nobody below them imports."""
    guests = list(guests)
    trunk = STRIDE * LAST + WIDTH / 2 + beyond
    style = {"color": GREEN, "linestyle": ":", "linewidth": 1.2, "zorder": 1}
    highest = max(y for _, y in guests)
    x, y = start
    axes.plot([x + WIDTH / 2, trunk, trunk], [y, y, highest], **style)
    for u, v in guests:
        axes.annotate(
            "", (u + WIDTH / 2, v), (trunk, v), zorder=1,
            arrowprops={"arrowstyle": "->", "linestyle": ":", "color": GREEN},
        )  # fmt: skip


def _legend(axes: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    kinds = [Patch(facecolor=COLOURS[k], edgecolor="0.35", label=ABOUT[k])
             for k in COLOURS]  # fmt: skip
    lines = [
        Line2D([], [], color="0.7", label="imports"),
        Line2D([], [], color=GREEN, linestyle=":", label="finds by name"),
    ]
    axes.legend(
        handles=[*kinds, *lines], loc="center left", fontsize=8, frameon=False,
        bbox_to_anchor=(0.03, 0.44),
    )  # fmt: skip


def table() -> str:
    """Return the rooms as a Markdown table, the highest floor first."""
    paths, at = modules(), floors(rooms())
    ordered = sorted(at, key=lambda n: (-at[n], kind(n) == "guest", n))
    rows = (f"| {at[n]} | {_shown(n, paths)} | {_about(n, paths)} |" for n in ordered)
    return "\n".join(("| floor | room | what |", "| --- | --- | --- |", *rows))


def _shown(name: str, paths: Mapping[str, Path]) -> str:
    if name == FOUNDATION:
        return ", ".join(f"`{file}.py`" for file in ON_GROUND)
    path = paths[f"bmi_dmx.{name.replace('/', '.')}"]
    return f"`{name}/`" if path.name == "__init__.py" else f"`{name}.py`"


def _about(name: str, paths: Mapping[str, Path]) -> str:
    if name == FOUNDATION:
        return "What all of them use."
    text = paths[f"bmi_dmx.{name.replace('/', '.')}"].read_text(encoding="utf-8")
    first = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
    return " ".join(first.split()).replace("``", "`")


def renewed(text: str) -> str:
    """Return a page with its table of the rooms as it must be."""
    return MARKED.sub(lambda m: f"{m[1]}{table()}\n{m[2]}", text)


def main() -> None:
    draw(PICTURE)
    text = renewed(PAGE.read_text(encoding="utf-8"))
    with atomic(PAGE) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
