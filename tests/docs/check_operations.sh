#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What docs/operations.md shows exists: each TOML block is a file that `tandem run` takes, and each
# `tandem COMMAND --option` is one of the program.    check_operations.sh PAGE TANDEM
set -euo pipefail
page=$1 tandem=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

awk -v folder="$folder" '
  /^```toml$/ { file = folder "/" ++n ".toml"; next }
  /^```$/ { file = "" }
  file != "" { print > file }
' "$page"
files=0
for file in "$folder"/*.toml; do
  "$tandem" run --check "$file" >/dev/null
  files=$((files + 1))
done

# Commands are the words after `tandem` in code: indented lines, and text between backquotes.
commands=0
while read -r _ command rest; do
  case $command in --* | "") continue ;; esac
  help=$("$tandem" "$command" --help 2>&1) || { echo "there is no command $command"; exit 1; }
  for word in $rest; do
    case $word in
    --*)
      grep -qF -- "${word%%[\`=,.:]*}" <<<"$help" || { echo "$command has no $word"; exit 1; }
      ;;
    esac
  done
  commands=$((commands + 1))
done < <({ grep -E '^    (exec )?tandem ' "$page" | sed -E 's/^ +//; s/ +#.*//';
           grep -oE '`tandem [a-z]+[^`]*`' "$page" | tr -d '`'; })
[ "$files" -ge 3 ] && [ "$commands" -ge 10 ]
echo "$files files, $commands commands"
