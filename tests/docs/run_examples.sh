#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the examples of every subcommand's --help, line by line as they stand, with a pair of their own
# in a network of their own (their ports may be taken elsewhere). A command that this does not know
# is run beside that pair too; one that has no example fails.
#   run_examples.sh FOLDER_OF_TANDEM SOURCES
# Exit code 77: no such network can be made here.
set -uo pipefail

self=$(realpath "$0") programs=$(realpath "$1") sources=$(realpath "$2")
if [ -z "${TANDEM_EXAMPLES_NETWORK:-}" ]; then
  unshare -rn true 2>/dev/null || exit 77
  TANDEM_EXAMPLES_NETWORK=own exec unshare -rn "$self" "$programs" "$sources"
fi
ip link set lo up 2>/dev/null || exit 77

PATH=$programs:$PATH
top=$(mktemp -d)
running=()
finish() {
  for pid in "${running[@]}"; do kill -TERM "$pid" 2>/dev/null; done
  wait
  rm -rf "$top"
}
trap finish EXIT
failures=0
count=0

# Command lines below "Example:", indented by two; what stands behind three blanks says what they do.
examples() {
  tandem $1 --help | awk '/^Example/ { on = 1; next }
    on && /^  (tandem|sed) / { print substr($0, 3) }' | sed 's/   .*//'
}

# Commands that are tested elsewhere because they take long: why.
elsewhere() {
  case "$1" in
  incident | "incident "*) echo "they need an incident; incident_test makes some, and docs/incidents.md runs them" ;;
  demo) echo "a whole demonstration; demo_test runs it with and without a planted fault" ;;
  users*) echo "it asks for passwords; logins_test runs it" ;;
  control*) echo "it needs an input that kills engines, and it ends the session; logins_test runs it" ;;
  esac
}

expected() {
  case "$1" in
  "tandem diff one two"*) echo 1 ;; # they differ
  *) echo 0 ;;
  esac
}

fail() {
  failures=$((failures + 1))
  printf 'FAILED %s\n' "$1"
  sed 's/^/  | /' "$2" | head -n 20
}

run() {
  count=$((count + 1))
  local line=$1 code
  eval "timeout 60 bash -c $(printf %q "$line")" >out.txt 2>&1 </dev/null
  code=$?
  if [ "$code" -ne "$(expected "$line")" ]; then fail "$line: exit code $code" out.txt; fi
}

# Something that goes on until it is told to stop: stopped when `ready` succeeds, ends with 0 then.
run_until() {
  count=$((count + 1))
  local line=$1 ready=$2 code i
  eval "exec $line" >out.txt 2>&1 </dev/null &
  local pid=$!
  for ((i = 0; i < 200; ++i)); do
    eval "$ready" && break
    sleep 0.05
  done
  [ "$i" -lt 200 ] || fail "$line: nothing came" out.txt
  kill -INT "$pid"
  wait "$pid"
  code=$?
  if [ "$code" -ne 0 ]; then fail "$line: exit code $code after SIGINT" out.txt; fi
}

begin() {
  count=$((count + 1))
  eval "exec $1" >"role$count.txt" 2>&1 </dev/null &
  running+=($!)
}

# Waits until somebody listens on a port.
await() {
  local i
  for ((i = 0; i < 200; ++i)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
    sleep 0.05
  done
  fail "nobody listens on port $1" <(cat role*.txt)
}

# What some examples take for granted.
prepare() {
  ln -sf "$sources/tests" tests
  case "$1" in
  "import lobster" | import)
    gzip -c "$sources/tests/fuzz/corpus/lobster/day" \
      >AAPL_2012-06-21_34200000_57600000_message_1.csv.gz
    ;;&
  "import itch" | import) gzip -c "$sources/tests/fuzz/corpus/itch/day" >12302019.NASDAQ_ITCH50.gz ;;&
  import | "import jsonl" | "import binaryfile" | export | submit)
    tandem generate --orders 2000 -o flow >out.txt || fail "a flow for $1" out.txt
    ;;&
  import) tandem export jsonl flow -o flow.jsonl >out.txt && rm -rf flow ;;
  esac
}

# The file that `tandem run --help` shows.
topology() { tandem run --help | awk '/^with, in / { on = 1; next } on && !/^  / { exit } on { print substr($0, 3) }'; }

# Roles first: they stay up for the others.
mkdir "$top/pair"
cd "$top/pair"
for role in sequencer engine dedup; do
  while read -r line; do begin "$line"; done < <(examples $role)
done
for port in 9000 9001 9002 9003 9004; do await $port; done
prepare submit
while read -r line; do
  case "$line" in tandem*) run "$line" ;; esac
done < <(examples submit)
while read -r line; do
  rm -rf recorded
  run_until "$line" '[ "$(tandem stat recorded --json 2>/dev/null | wc -c)" -gt 0 ]'
done < <(examples record)

commands() { tandem $1 --help | awk '/^Subcommands/ { on = 1; next } on && /^  [a-z]/ { print $1 } on && /^$/ { exit }'; }
all=()
while read -r command; do
  all+=("$command")
  while read -r below; do all+=("$command $below"); done < <(commands "$command")
done < <(commands "")

for command in "${all[@]}"; do
  case "$command" in "control "*) continue ;; esac # its --help has those of all three
  if [ -z "$(examples "$command")" ]; then
    fail "tandem $command --help has no example" /dev/null
    continue
  fi
  case "$command" in
  sequencer | engine | dedup | submit | record) continue ;;
  run | restart | status) continue ;; # below
  esac
  if [ -n "$(elsewhere "$command")" ]; then
    echo "not run: tandem $command, $(elsewhere "$command")"
    continue
  fi
  mkdir -p "$top/${command// /_}"
  cd "$top/${command// /_}"
  case "$command" in import*) ;; *) ln -s "$top/pair/day" day ;; esac
  prepare "$command"
  while read -r line; do
    case "$line" in
    *--follow*) run_until "$line" 'sleep 0.5' ;;
    *"| dot "*) if command -v dot >/dev/null; then run "$line"; else run "${line%%| dot*}"; fi ;;
    *) run "$line" ;;
    esac
  done < <(examples "$command")
done

# A topology of its own, on the same ports.
if tandem --help | grep -q '^  run '; then
  for pid in "${running[@]}"; do kill -TERM "$pid"; done
  wait "${running[@]}"
  running=()
  mkdir "$top/topology"
  cd "$top/topology"
  topology >pair.toml
  while read -r line; do begin "$line"; done < <(examples run)
  for port in 9000 9001 9002 9003 9004; do await $port; done
  for command in status restart status; do
    for ((i = 0; i < 200; ++i)); do
      tandem status pair.toml >out.txt 2>&1 && break
      sleep 0.1
    done
    while read -r line; do run "$line"; done < <(examples $command)
  done
  kill -INT "${running[0]}"
  wait "${running[0]}" || fail "tandem run pair.toml: exit code $? after SIGINT" <(cat role*.txt)
  running=()
fi

printf '%d examples, %d failures\n' "$count" "$failures"
[ "$count" -gt 20 ] && [ "$failures" -eq 0 ]
