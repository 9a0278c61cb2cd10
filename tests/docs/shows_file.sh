#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Is all of a file, from its first #include on, in a page, indented by four?    shows_file.sh PAGE FILE
set -euo pipefail
shown=$(sed -n '/^    #include/,/^[^ ]/p' "$1" | sed '/^[^ ]/d; s/^    //' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}')
diff <(sed -n '/^#include/,$p' "$2") <(echo "$shown")
