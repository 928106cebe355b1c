#!/bin/sh
# Succeed if every bundle of the package is whole, has its kernels, and runs.
#
# No compiler is used even where there is one: a kernel that was not prebuilt is found
# here, not in operation.
set -eu

CC=no-compiler exec dmx health
