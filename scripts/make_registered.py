"""Write down what ``dmx info`` tells of all that the package registers.

    python scripts/make_registered.py

writes ``bmi_dmx/registered.json``, so that it is told at once, and without PyTorch. A
test fails where that is out of date.
"""

from __future__ import annotations

import json

from bmi_dmx.files import atomic
from bmi_dmx.info import FILE, records


def text() -> str:
    """Return the content of the file."""
    return json.dumps(records(), indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    with atomic(FILE) as temporary:
        temporary.write_text(text(), encoding="utf-8")
