#!/bin/sh
# Compile the kernels of the bundles that come with the package, for machines of one
# instruction set, so that no compiler is needed where they run.
#
#   prebuild_kernels.sh DIR [LEVEL]
#
# Needs a C compiler. At run time BMI_DMX_KERNELS has to name DIR.
set -eu

folder=$1
if [ $# -gt 1 ]; then
    dmx prebuild "$folder" --level "$2"
else
    dmx prebuild "$folder"
fi
chmod -R a+rX "$folder"
