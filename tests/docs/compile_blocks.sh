#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Compiles the C++ blocks of docs/pools.md, a file each, and gives its declarations to poolc,
# whose header is compiled too.    compile_blocks.sh PAGE POOLC COMPILER SOURCES
set -euo pipefail
page=$1 poolc=$2 compiler=$3 sources=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# A block is lines indented by four, with empty ones between. Types stand in front of statements.
awk -v folder="$folder" '
  function finish() {
    if (block ~ /(^|\n)dmmeta\./) { printf "%s", block > (folder "/page.pools") }
    else if (block ~ /pools::/) { printf "%s", block > (folder "/" ++n ".block") }
    block = ""
  }
  /^    / { block = block substr($0, 5) "\n"; next }
  /^$/ { if (block != "") block = block "\n"; next }
  { finish() }
  END { finish() }' "$page"

compile() { "$compiler" -std=c++20 -fsyntax-only -Wall -Wextra -Wno-unused-variable -I"$sources" "$@"; }

for block in "$folder"/*.block; do
  {
    printf '#include "pools/%s.h"\n' lary lpool malloc_pool memory_resource pool_account tary tpool zone
    printf '#include <vector>\nusing namespace tandem;\n'
    # From the first line at the left that is neither a struct nor its end, it is statements.
    awk '!inside && !/^(struct .*|  .*|};|)$/ {
           print "int main() {"; inside = 1
           if (/^state\./) print "auto z = pools::Zone::Map({}); State& state = (*z)->MakeRoot<State>((*z)->sbrk());"
         }
         { print }
         END { if (inside) print "}" }' "$block"
  } >"$block.cc"
  compile "$block.cc"
done
[ "$(ls "$folder"/*.block | wc -l)" -eq 3 ]

"$poolc" "$folder/page.pools" -o "$folder/page.pools.h"
echo '#include "page.pools.h"' >"$folder/page.cc"
compile -I"$folder" "$folder/page.cc"
