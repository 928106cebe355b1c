"""What a notebook shows of a component."""

from __future__ import annotations

import html

import numpy as np
from bmipy import Bmi

__all__ = ["NotebookView"]

HEADS = ("kind", "variable", "units", "now")


class NotebookView(Bmi):
    """A component that shows its time and its variables where it is looked at."""

    def _repr_html_(self) -> str:
        try:
            name, now = self.get_component_name(), self.get_current_time()
        except Exception:
            # Before it is initialized there is nothing to ask it.
            return f"<p><b>{type(self).__name__}</b>, not initialized</p>"
        rows = [
            *(self._row("input", one) for one in self.get_input_var_names()),
            *(self._row("output", one) for one in self.get_output_var_names()),
        ]
        head = "".join(f"<th>{text}</th>" for text in HEADS)
        return (
            f"<p><b>{html.escape(name)}</b>, at {now:g} {self.get_time_units()}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )

    def _row(self, kind: str, name: str) -> str:
        cells = (kind, name, self.get_var_units(name), self._now(name))
        inner = "".join(f"<td>{html.escape(text)}</td>" for text in cells)
        return f"<tr>{inner}</tr>"

    def _now(self, name: str) -> str:
        """Return the value, or the range of several; a dash where there is none."""
        try:
            values = np.asarray(self.get_value_ptr(name), dtype=np.float64)
        except Exception:
            # What was not set yet, or is no array that stays.
            return "-"
        finite = values[np.isfinite(values)]
        if not finite.size:
            return "-"
        if finite.size == 1:
            return f"{finite.item():.4g}"
        return f"{finite.min():.4g} to {finite.max():.4g} ({values.size})"
