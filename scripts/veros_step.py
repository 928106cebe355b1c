"""Processor time of one step of Veros, its set-up ``acc`` on 90 by 40 by 15 cells.

For an environment of its own that has Veros (``pip install veros jax``), on one core:

    XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1" \
    OMP_NUM_THREADS=1 taskset -c 0 python scripts/veros_step.py jax

With ``--plain`` eddies, neutral diffusion and the closure of turbulence are left out.
"""

from __future__ import annotations

from argparse import ArgumentParser
from time import process_time
from typing import Any

PLAIN = dict.fromkeys(
    (
        "enable_neutral_diffusion",
        "enable_skew_diffusion",
        "enable_eke",
        "enable_tke",
    ),
    False,
)
"""Settings of the set-up without its richer physics."""

WARM_UP = 5
"""Steps in which what is compiled is compiled."""


def main() -> None:
    """Print milliseconds a step."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("backend", choices=("numpy", "jax"))
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args()

    from veros import runtime_settings  # type: ignore[import-not-found]

    runtime_settings.backend = options.backend
    runtime_settings.device = "cpu"
    runtime_settings.diskless_mode = True
    # Settings of Veros hold from its first set-up on.
    from veros.setups.acc.acc import ACCSetup  # type: ignore[import-not-found]

    ocean: Any = ACCSetup(
        override={"nx": 90, "ny": 40, **(PLAIN if options.plain else {})}
    )
    ocean.setup()
    for diagnostic in ocean.state.diagnostics.values():
        diagnostic.output_frequency = diagnostic.sampling_frequency = 1e20

    def run(steps: int) -> None:
        for _ in range(steps):
            ocean.step(ocean.state)
        getattr(ocean.state.variables.temp, "block_until_ready", lambda: None)()

    run(WARM_UP)
    begin = process_time()
    run(options.steps)
    milliseconds = 1e3 * (process_time() - begin) / options.steps
    print(f"{options.backend}: {milliseconds:.1f} ms a step")


if __name__ == "__main__":
    main()
