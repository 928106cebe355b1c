"""Modules for realizations: simple ones, and deliberately wrong ones."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any, ClassVar

import numpy as np

RAIN = "atmosphere_water__liquid_equivalent_precipitation_rate"
WARMTH = "land_surface_air__temperature"
RUNOFF = "land_surface_water__runoff_depth"


class Module:
    """All rain of an hour runs off; counts what is called."""

    inputs: ClassVar[dict[str, str]] = {RAIN: "mm h-1", WARMTH: "degC"}
    outputs: ClassVar[dict[str, str]] = {RUNOFF: "m"}
    calls: ClassVar[Counter[str]] = Counter()
    kind = "float64"
    step = 3600.0
    time_units = "s"

    def __init__(self) -> None:
        self.values = {name: np.zeros(1) for name in (*self.inputs, *self.outputs)}
        self.values["gain"] = np.ones(1)
        self.time = 0.0
        self.seen: list[dict[str, float]] = []

    def __getattribute__(self, name: str) -> Any:
        attribute = super().__getattribute__(name)
        if not name.startswith(("get_", "set_", "update", "initialize", "finalize")):
            return attribute

        def counted(*args: Any) -> Any:
            type(self).calls[name] += 1
            return attribute(*args)

        return counted

    def initialize(self, path: str) -> None:
        self.path = path

    def finalize(self) -> None:
        pass

    def update(self) -> None:
        self.run()
        self.time += self.step

    def update_until(self, time: float) -> None:
        while self.time < time:
            self.run()
            self.time += self.step

    def run(self) -> None:
        self.seen.append({name: self.values[name].item() for name in self.inputs})
        self.values[RUNOFF][:] = 1e-3 * self.values["gain"] * self.values[RAIN]

    def get_time_units(self) -> str:
        return self.time_units

    def get_start_time(self) -> float:
        return 0.0

    def get_current_time(self) -> float:
        return self.time

    def get_end_time(self) -> float:
        return sys.float_info.max

    def get_time_step(self) -> float:
        return self.step

    def get_input_item_count(self) -> int:
        return len(self.inputs)

    def get_output_item_count(self) -> int:
        return len(self.outputs)

    def get_input_var_names(self) -> tuple[str, ...]:
        return tuple(self.inputs)

    def get_output_var_names(self) -> tuple[str, ...]:
        return tuple(self.outputs)

    def get_var_units(self, name: str) -> str:
        return {**self.inputs, **self.outputs}[name]

    def get_var_type(self, name: str) -> str:
        return self.kind

    def get_var_itemsize(self, name: str) -> int:
        return self.values[name].itemsize

    def get_var_nbytes(self, name: str) -> int:
        return self.values[name].nbytes

    def set_value(self, name: str, src: np.ndarray) -> None:
        self.values[name][:] = src

    def get_value_ptr(self, name: str) -> np.ndarray:
        return self.values[name]

    def get_value_at_indices(
        self, name: str, dest: np.ndarray, inds: np.ndarray
    ) -> np.ndarray:
        dest[:] = self.values[name][inds]
        return dest


class Wide(Module):
    """With the eight inputs and two more outputs."""

    inputs: ClassVar = {
        **Module.inputs, **{f"other_{k}": "1" for k in range(6)}
    }  # fmt: skip
    outputs: ClassVar = {**Module.outputs, "second": "1", "third": "1"}
    calls: ClassVar[Counter[str]] = Counter()


class Daily(Module):
    """Steps a minute at a time: it can only be brought to a time."""

    step = 60.0


class Doubler(Module):
    """Gives twice the rain in other units, under a name of its own."""

    inputs: ClassVar = {RAIN: "mm s-1"}
    outputs: ClassVar = {"double_rain": "mm s-1"}

    def run(self) -> None:
        self.values["double_rain"][:] = 2.0 * self.values[RAIN]


class WrongUnits(Module):
    outputs: ClassVar = {RUNOFF: "m3 s-1"}


class Lazy(Module):
    """Makes room for its inputs when they first come: the engine sends nothing."""

    def __init__(self) -> None:
        super().__init__()
        for name in self.inputs:
            self.values[name] = np.zeros(0)

    def run(self) -> None:
        pass


class Shrinking(Module):
    """Has no room for its inputs any more once it has run."""

    def run(self) -> None:
        super().run()
        for name in self.inputs:
            self.values[name] = np.zeros(0)


class OddType(Module):
    kind = "torch.float64"


class WrongSize(Module):
    """Has the type of half the bytes."""

    kind = "float32"


class Epochal(Module):
    time_units = "seconds since 2000-01-01"


class Hours(Module):
    """Counts hours, and says so in a word."""

    step = 1.0
    time_units = "hours"


class Late(Module):
    """Begins to count at a day."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 86400.0

    def get_start_time(self) -> float:
        return 86400.0


class Drifting(Module):
    """Is a little less than an hour ahead after an hour."""

    def get_current_time(self) -> float:
        return max(0.0, self.time - 1e-4)


class Twofold(Module):
    """Accounts for its water in arrays that are too long."""

    def get_value_ptr(self, name: str) -> np.ndarray:
        return np.zeros(2)

    def get_var_units(self, name: str) -> str:
        return "mm" if name.startswith("ngen::") else super().get_var_units(name)

    def get_var_itemsize(self, name: str) -> int:
        return 8


class Nameless(Module):
    def get_output_var_names(self) -> Any:
        return None


class Timeless(Module):
    def get_current_time(self) -> Any:
        return None


class Unitless(Module):
    def get_var_units(self, name: str) -> str:
        raise KeyError(name)


class Exiting(Module):
    def run(self) -> None:
        sys.exit(3)


class Answering(Module):
    """Answers with another array than it is given."""

    def get_value_at_indices(
        self, name: str, dest: np.ndarray, inds: np.ndarray
    ) -> np.ndarray:
        return self.values[name][inds]


class Miscounting(Module):
    def get_input_item_count(self) -> int:
        return 1


class Failing(Module):
    def run(self) -> None:
        raise ValueError("no luck")


class Leaking(Module):
    """Accounts for its water, and loses some."""

    leak = 0.5

    def __init__(self) -> None:
        super().__init__()
        for name in ("in", "out", "stored", "leaked"):
            self.values[f"ngen::mass_{name}"] = np.zeros(1)

    def run(self) -> None:
        super().run()
        self.values["ngen::mass_in"] += 1.0
        self.values["ngen::mass_out"] += 1.0 - self.leak

    def get_var_units(self, name: str) -> str:
        return "mm" if name.startswith("ngen::") else super().get_var_units(name)


class Tight(Leaking):
    leak = 0.0
