#!/bin/sh
# Succeed if bundles are whole, have their kernels, and run: those named, else every one
# of the package.
#
#   health.sh [BUNDLE ...]
#
# No compiler is used even where there is one: a kernel that was not prebuilt is found
# here, not in operation.
set -eu

CC=no-compiler exec dmx health "$@"
