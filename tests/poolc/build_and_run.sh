#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Builds the tests of the generated headers with another compiler, warnings as errors, and runs them.
# usage: build_and_run.sh COMPILER PROGRAM SOURCE LEDGER HOUSE TABLE POOLS DECLARATIONS [OPTION]
set -e
compiler=$1 program=$2 source=$3 ledger=$4 house=$5 table=$6 pools=$7
declarations=$8
"$compiler" -std=c++20 -O1 -Wall -Wextra -Wpedantic -Werror $9 -I"$source" -I"$ledger" -I"$house" \
  -I"$table" "$source/tests/poolc/ledger_test.cc" "$source/tests/poolc/house_test.cc" \
  "$source/tests/poolc/table_test.cc" \
  "$declarations" "$pools" -lgmock -lgtest_main -lgtest -lxxhash -lpthread -o "$program"
"$program"
