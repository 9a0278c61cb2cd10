#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Style as a test: the licence line, the length of files, and the layout where clang-format 14 is
# installed.    check_style.sh ROOT
set -uo pipefail
cd "$1"

failures=0
complain() {
  printf '%s\n' "$*"
  failures=$((failures + 1))
}

mapfile -t sources < <(find pools proto replay engine tools tests -type f \
  \( -name '*.h' -o -name '*.cc' -o -name '*.proto' \) ! -name '*.golden.h' | sort)
for file in "${sources[@]}"; do
  if ! head -n 1 "$file" | grep -q '^// SPDX-License-Identifier: Apache-2.0$'; then
    complain "$file: the first line is not the licence line"
  fi
  lines=$(wc -l <"$file")
  if [ "$lines" -gt 500 ]; then
    complain "$file: $lines lines; split what is longer than 500 by role"
  fi
done

if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
  while IFS= read -r line; do complain "$line"; done < <(
    printf '%s\n' "${sources[@]}" | grep -v '\.proto$' |
      xargs clang-format --dry-run 2>&1 | grep 'warning: code should be clang-formatted' |
      sort -t: -k1,1 -u)
fi

printf '%d files, %d complaints\n' "${#sources[@]}" "$failures"
[ "${#sources[@]}" -gt 0 ] && [ "$failures" -eq 0 ]
