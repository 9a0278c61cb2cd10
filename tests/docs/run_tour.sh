#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the ```console blocks of a page and compares what they print with what the page says.
# "..." in an expected line stands for anything. A block that names a file behind its language, as
# ```cpp ledger/rules.h, is what that file holds from there on; with ">>" in front of the name, it is
# put behind what the file has.    run_tour.sh PAGE FOLDER_OF_TANDEM
set -uo pipefail

page=$(realpath "$1")
PATH=$(realpath "$2"):$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

commands=0
failures=0
command=
expected=()

run_command() {
  if [ -z "$command" ]; then return; fi
  local printed=() line i
  mapfile -t printed < <(eval "$command" 2>&1)
  commands=$((commands + 1))
  local ok=1
  if [ ${#printed[@]} -ne ${#expected[@]} ]; then ok=0; fi
  for i in "${!expected[@]}"; do
    line=${expected[$i]//\\/\\\\}
    line=${line//\*/\\*}
    line=${line//\?/\\?}
    line=${line//\[/\\[}
    line=${line//.../*}
    # shellcheck disable=SC2053
    if [[ "${printed[$i]:-}" != $line ]]; then ok=0; fi
  done
  if [ $ok -eq 0 ]; then
    failures=$((failures + 1))
    printf 'the page says of: %s\n' "$command"
    printf '  | %s\n' "${expected[@]}"
    printf 'but it prints:\n'
    printf '  | %s\n' "${printed[@]}"
  fi
  command=
  expected=()
}

in_block=0
file=
names_file='^```[a-z]+ (>> )?([^ ]+)$'
while IFS= read -r line; do
  if [ "$line" = '```console' ]; then
    in_block=1
  elif [[ "$line" =~ $names_file ]]; then
    file=${BASH_REMATCH[2]}
    if [ -z "${BASH_REMATCH[1]}" ]; then : >"$file"; fi
  elif [ "$line" = '```' ]; then
    run_command
    in_block=0
    file=
  elif [ -n "$file" ]; then
    printf '%s\n' "$line" >>"$file"
  elif [ $in_block -eq 1 ]; then
    if [[ "$line" == '$ '* ]]; then
      run_command
      command=${line#\$ }
    else
      expected+=("$line")
    fi
  fi
done <"$page"

printf '%d commands, %d differ\n' "$commands" "$failures"
[ "$commands" -gt 0 ] && [ "$failures" -eq 0 ]
