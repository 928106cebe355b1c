#!/bin/sh
# Install bmi_dmx into the environment whose `python` is first on the path.
#
#   install.sh WHEEL [none|cpu|cuda]
#
# A package that is there already is never replaced: ngen refuses to start with another
# NumPy than it was built with. The last argument adds PyTorch and all that training
# needs, for processors alone or with CUDA.
set -eu

wheel=$1
torch=${2:-none}
here=$(cd "$(dirname "$0")" && pwd)
requirements=$here/requirements.txt

# Environments that uv made, as in NGIAB, have no pip of their own.
if python -m pip --version >/dev/null 2>&1; then
    install() { python -m pip install --quiet --no-cache-dir "$@"; }
else
    install() { uv pip install --quiet --no-cache --python "$(command -v python)" "$@"; }
fi

missing=$(python - "$requirements" <<'PYTHON'
import sys
from importlib.metadata import PackageNotFoundError, version

with open(sys.argv[1], encoding="utf-8") as file:
    pins = [line.strip() for line in file if not line.startswith("#")]
for pin in filter(None, pins):
    try:
        version(pin.partition("==")[0])
    except PackageNotFoundError:
        print(pin)
PYTHON
)
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 # one argument for each package
    install --no-deps $missing
fi

case $torch in
    none) install --no-deps "$wheel" ;;
    cpu) install --index-url https://download.pytorch.org/whl/cpu torch==2.13.0 ;;
    cuda) install torch==2.13.0 ;;
    *) echo "install.sh: torch: found '$torch', expected none, cpu or cuda" >&2; exit 2 ;;
esac
if [ "$torch" != none ]; then
    install --constraint "$requirements" "${wheel}[train]"
fi

# What uv installs is not compiled to bytecode, and whoever runs it may not write here.
# Packages of others are left as they are.
brought=$(printf '%s' "$missing" | sed 's/==.*//')
# shellcheck disable=SC2086 # one argument for each package
python - $brought bmi-dmx <<'PYTHON' | python -m compileall -q -i -
import sys
from importlib.metadata import files

for name in sys.argv[1:]:
    for path in files(name) or ():
        if path.suffix == ".py":
            print(path.locate())
PYTHON
