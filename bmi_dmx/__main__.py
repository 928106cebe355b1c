"""The command line as ``python -m bmi_dmx``, which launchers of processes start."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
