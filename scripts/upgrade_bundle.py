"""Write a bundle of an older format again in the present one.

    python scripts/upgrade_bundle.py FOLDER

replaces the bundle in the folder. Its weights stay as they are, byte for byte, and so
do the numbers of its programs; it keeps its fingerprint, so that states saved with it
still belong to it. A bundle of the present format is left alone.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from bmi_dmx.bundle import load_bundle
from bmi_dmx.bundle.manifest import MANIFEST, WEIGHTS, read_manifest
from bmi_dmx.bundle.save import write_files
from bmi_dmx.bundle.upgrades import FORMAT
from bmi_dmx.files import atomic_folder


def upgrade(folder: Path) -> bool:
    """Write a bundle in the present format; return whether it was of an older one."""
    _, version = read_manifest(folder / MANIFEST)
    if version == FORMAT:
        return False
    bundle = load_bundle(folder)
    manifest = replace(bundle.manifest, fingerprint=bundle.fingerprint, sha256={})
    weights = (folder / WEIGHTS).read_bytes()
    with atomic_folder(folder) as temporary:
        write_files(temporary, manifest, bundle.weights, bundle.programs)
        if (temporary / WEIGHTS).read_bytes() != weights:
            raise SystemExit(f"{folder}: the weights would be written otherwise")
        load_bundle(temporary)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the bundle")
    folder = parser.parse_args().folder
    print(f"{folder}: {'written anew' if upgrade(folder) else 'nothing to do'}")


if __name__ == "__main__":
    main()
