# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts in tools/. Source it; it moves to the root of the tree.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Everything that building and testing needs, as Debian 12 names it.
PACKAGES=(
  g++ cmake ninja-build pkg-config
  libboost-dev libspdlog-dev libprotobuf-dev protobuf-compiler libcli11-dev libtomlplusplus-dev
  libxxhash-dev libisal-dev zlib1g-dev libgtest-dev libbenchmark-dev
)

say() { printf '%s\n' "$*" >&2; }

# Installs what is missing of the packages named; says which. Needs root or sudo only then.
install_packages() {
  local missing=() package
  for package in "$@"; do
    if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
      missing+=("$package")
    fi
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  say "installing: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      say "these packages are missing and there is no sudo; as root, run: apt-get install ${missing[*]}"
      exit 2
    fi
    as_root=(sudo)
  fi
  local log
  log=$(mktemp)
  if ! { "${as_root[@]}" apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    say "installing failed; the whole output is in $log"
    exit 5
  fi
  rm -f "$log"
}

# build PRESET [TARGET...]: configures if needed and builds; quiet unless it fails or has work.
build() {
  local preset=$1
  shift
  if [ ! -f "build/$preset/build.ninja" ]; then
    say "configuring build/$preset"
    cmake --preset "$preset" >"/tmp/tandem-configure.$$" 2>&1 || {
      cat "/tmp/tandem-configure.$$" >&2
      exit 5
    }
    rm -f "/tmp/tandem-configure.$$"
  fi
  local targets=()
  if [ $# -gt 0 ]; then targets=(--target "$@"); fi
  say "building $preset${*:+: $*}"
  cmake --build --preset "$preset" "${targets[@]}"
}
