"""A process that is prepared once, and lets copies of itself be killed.

Run as ``python -m tests.kills.process SCENARIO FOLDER COUNT``. The copies are forks, so
that nobody waits for imports. A copy is killed before some access to a file of its
working folder, of which there are as many in every run, or after some time; then others
do the same again to the end. Before all that the process does it once itself, so that
its copies find in memory what has to be made once.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .scenarios import SCENARIOS, Scenario

_TOUCHING = frozenset(
    {
        "open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate",
        "os.link", "os.chmod", "os.utime",
    }
)  # fmt: skip
"""What Python tells of before it is done to a file."""

_EXCHANGE = ("ctypes.dlsym", "renameat2")


def forked(work: Callable[[], object]) -> int:
    """Do something in a copy of this process; return how that ended, 0 if well."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def counted(folder: Path, reached: Callable[[int], object]) -> None:
    """Call something before every access to a file in a folder, with its number."""
    inside, number = str(folder), 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal number
        if event in _TOUCHING:
            path = arguments[0]
            if not isinstance(path, str | bytes | os.PathLike):
                return
            if not os.fsdecode(path).startswith(inside):
                return
        elif event != _EXCHANGE[0] or arguments[1] != _EXCHANGE[1]:
            return
        number += 1
        reached(number)

    sys.addaudithook(hook)


def kill() -> None:
    """End this process as nothing can that it could notice."""
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at(scenario: Scenario, folder: Path, moment: int) -> int:
    """Run a scenario in a copy that is killed before an access to a file."""

    def work() -> None:
        counted(folder, lambda number: kill() if number == moment else None)
        scenario.act(folder)

    return forked(work)


def killed_after(scenario: Scenario, folder: Path, seconds: float) -> int:
    """Run a scenario in a copy that is killed after some time."""

    def work() -> None:
        if os.fork() == 0:
            parent = os.getppid()
            time.sleep(seconds)
            if os.getppid() == parent:
                os.kill(parent, signal.SIGKILL)
            os._exit(0)
        scenario.act(folder)

    return forked(work)


def whole_run(scenario: Scenario, folder: Path) -> tuple[int, float]:
    """Run a scenario to its end; return the number of accesses, and the seconds."""
    tally = folder.parent / "tally"

    def work() -> None:
        last = 0

        def remember(number: int) -> None:
            nonlocal last
            last = number

        counted(folder, remember)
        scenario.act(folder)
        tally.write_text(str(last), encoding="utf-8")

    begun = time.perf_counter()
    if forked(work):
        raise SystemExit(f"{scenario.name}: fails when nobody kills it")
    return int(tally.read_text(encoding="utf-8")), time.perf_counter() - begun


def moments(accesses: int, seconds: float, count: int) -> list[tuple[str, float]]:
    """Return when to kill: at accesses spread evenly, the last among them, or times."""
    few = min(accesses, max(1, (3 * count) // 4))
    places = {round(1 + k * (accesses - 1) / max(1, few - 1)) for k in range(few)}
    luck = random.Random(11)
    times = [luck.uniform(0.0, seconds) for _ in range(count - len(places))]
    return [*(("access", p) for p in sorted(places)), *(("time", t) for t in times)]


def hidden(folder: Path) -> list[str]:
    """Return what is left that users do not see."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*"))


def outcome(
    scenario: Scenario,
    base: Path,
    moment: tuple[str, float],
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> str:
    """Kill a run, look at what it left, and do it again; return what went wrong."""
    folder = base / "killed" / "work"
    shutil.rmtree(folder.parent, ignore_errors=True)
    shutil.copytree(base / "before", folder)
    kind, at = moment
    how = (
        killed_at(scenario, folder, int(at))
        if kind == "access"
        else killed_after(scenario, folder, at)
    )
    if how not in (0, -signal.SIGKILL):
        return f"ended by itself with {how}"
    states = scenario.look(folder)
    for name in before.keys() | after.keys() | states.keys():
        state = states.get(name)
        if state not in (before.get(name), after.get(name)):
            return f"{name}: {state}, neither {before.get(name)} nor {after.get(name)}"
    if forked(lambda: scenario.again(folder)):
        return "cannot be done again"
    states = scenario.look(folder)
    if states != after:
        return f"done again it is {states}, expected {after}"
    leftovers = [name for name in hidden(folder) if name not in hidden(base / "after")]
    return f"left behind: {leftovers}" if leftovers else ""


def main() -> None:
    """Kill a scenario some times, and print what became of it as JSON."""
    name, where, count = sys.argv[1:]
    base = Path(where)
    scenario = SCENARIOS[name](base)
    scenario.prepare(base / "before")
    for copied in ("warm", "after"):
        shutil.copytree(base / "before", base / copied)
    scenario.act(base / "warm")
    accesses, seconds = whole_run(scenario, base / "after")
    before, after = scenario.look(base / "before"), scenario.look(base / "after")
    kills = {}
    for moment in moments(accesses, seconds, int(count)):
        wrong = outcome(scenario, base, moment, before, after)
        kills[f"{moment[0]} {moment[1]:g}"] = wrong
    print(json.dumps({"accesses": accesses, "seconds": seconds, "kills": kills}))


if __name__ == "__main__":
    main()
