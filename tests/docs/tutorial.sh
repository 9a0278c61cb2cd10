#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what was built, and runs the tutorial with the installed program, headers and libraries.
#   tutorial.sh BUILD PAGE
set -euo pipefail
build=$1 page=$2
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$build" --prefix "$prefix" >"$prefix/install.txt"

# CMake finds the package beside a folder of PATH. Not optimised: what is built is run for a moment.
PATH=$prefix/bin:$PATH
export PATH CMAKE_BUILD_TYPE=Debug CXXFLAGS=-g0 CMAKE_BUILD_PARALLEL_LEVEL=2
if ! "$(dirname "$0")/run_tour.sh" "$page" "$prefix/bin"; then exit 1; fi
