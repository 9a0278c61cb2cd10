#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A pair whose input and merged stream go by multicast proper: two lines, two engines of one host in
# the same groups, in a network namespace made for it. Exit code 77: that is not permitted here.
#   multicast_namespace.sh TANDEM
set -uo pipefail

if [ "${2:-}" != inside ]; then
  if ! unshare -rn true 2>/dev/null; then
    echo "skipped: no network namespace can be made here (unshare -rn)"
    exit 77
  fi
  if ! command -v ip >/dev/null; then
    echo "skipped: there is no \`ip\` to configure a network namespace (package iproute2)"
    exit 77
  fi
  exec unshare -rn "$0" "$1" inside
fi

tandem=$1
folder=$(mktemp -d)
cd "$folder" || exit 5
ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo || exit 5

fail() {
  echo "$*"
  tail -n 20 ./*.out
  echo "logs are in $folder"
  exit 1
}
start() {
  local name=$1
  shift
  "$tandem" "$@" >>"$name.out" 2>&1 &
  pids[$name]=$!
}
stop() {
  kill "${pids[$1]}"
  wait "${pids[$1]}" || fail "$1 ended with exit code $?"
}
# await_number LOG NUMBER: until the log has so many messages.
await_number() {
  for _ in $(seq 600); do
    "$tandem" stat "$1" 2>/dev/null | grep -q "^numbers *1 to $2\$" && return
    sleep 0.1
  done
  fail "$1 does not come to message $2: $("$tandem" stat "$1" 2>&1 | grep numbers)"
}

declare -A pids
trap 'kill -9 "${pids[@]}" 2>/dev/null' EXIT
lines=(--input-multicast 239.1.1.1:9101,239.1.1.2:9101 --input-requests 9102)
sequencer=(sequencer --log input --session DAY1 --submissions 9000 --stream 9001
  --multicast 239.1.1.1:9101 --multicast 239.1.1.2:9101@lo --requests 9102)

"$tandem" generate --orders 20000 --seed 7 -o flow >/dev/null || fail "generate"
start sequencer "${sequencer[@]}"
start a engine --name A --input 9001 "${lines[@]}" --log a --stream 9002
start b engine --name B --input-session DAY1 "${lines[@]}" --log b --stream 9003
start dedup dedup --a 9002 --b 9003 --log merged --stream 9004 --multicast 239.1.2.1:9201 \
  --requests 9202
for reader in one two; do
  start "record-$reader" record --multicast 239.1.2.1:9201 --requests 9202 --session DAY1 \
    -o "recorded-$reader"
done
start submit submit flow --to 9000 --rate 10000
sleep 1
kill -9 "${pids[sequencer]}"
wait "${pids[sequencer]}" 2>/dev/null # Its ports are free when it is gone, not when it is told to go.
start sequencer "${sequencer[@]}"
wait "${pids[submit]}" || fail "submit ended with exit code $?"
# What follows in the input now are ticks, which bring no outputs.
outputs=$("$tandem" replay input -o replayed 2>/dev/null | sed 's/.* \([0-9]*\) outputs.*/\1/')
for log in a b merged recorded-one recorded-two; do await_number "$log" "$outputs"; done
for name in record-one record-two dedup a b sequencer; do stop "$name"; done

for log in a b merged recorded-one recorded-two; do
  "$tandem" diff replayed "$log" || fail "$log is not what a replay of the input gives"
done
grep -q "lines have caught up" a.out || fail "engine A did not read its lines"
trap - EXIT
rm -rf "$folder"
