#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A pair among programs of other people, in a network namespace of its own: the npm package
# soupbintcp submits orders and reads the merged stream, over reconnects; dumpcap captures all of it
# and tshark decodes it. What they say is compared with Tandem's logs, byte for byte.
#   interop.sh TANDEM NODE_MODULES        tools/soak interop installs what it needs and runs it
set -uo pipefail

if [ "${3:-}" != inside ]; then
  if ! unshare -rn true; then
    echo "no network namespace can be made here (unshare -rn), which capturing and multicast need"
    exit 2
  fi
  exec unshare -rn "$0" "$1" "$2" inside
fi

tandem=$1
export NODE_PATH=$2
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
cd "$folder" || exit 5
ip link set lo up multicast on && ip route add 224.0.0.0/4 dev lo || exit 5

fail() {
  echo "FAILED: $*"
  tail -n 5 ./*.out
  echo "logs, outputs and the capture are in $folder"
  exit 1
}
start() {
  local name=$1
  shift
  "$@" >>"$name.out" 2>&1 &
  pids[$name]=$!
}
stop() {
  for name in "$@"; do
    kill "${pids[$name]}"
    wait "${pids[$name]}" || fail "$name ended with exit code $?"
  done
}
finish() {
  wait "${pids[$1]}" || fail "$1 ended with exit code $?"
}
await() {
  for _ in $(seq 300); do
    grep -q "$2" "$1.out" 2>/dev/null && return
    sleep 0.1
  done
  fail "$1 never said \"$2\""
}

declare -A pids
trap 'kill -9 "${pids[@]}" 2>/dev/null' EXIT
sequencer=("$tandem" sequencer --log input --session DAY1 --submissions 9000 --stream 9001
  --multicast 239.1.1.1:9101 --multicast 239.1.1.2:9101 --requests 9102)
lines=(--input-multicast 239.1.1.1:9101,239.1.1.2:9101 --input-requests 9102)

"$tandem" generate --orders 4000 --seed 7 -o flow >/dev/null || fail "generate"
"$tandem" export binaryfile flow --user U1 -o flow.bin >/dev/null 2>&1 || fail "export"

start capture dumpcap -q -i lo -w capture.pcapng
await capture "File: "
start sequencer "${sequencer[@]}"
await sequencer "submissions on"
start a "$tandem" engine --name A --input 9001 "${lines[@]}" --log a --stream 9002
start dedup "$tandem" dedup --a 9002 --b 9003 --log merged --stream 9004 \
  --multicast 239.1.2.1:9201 --requests 9202
await dedup "merged stream on"
start record "$tandem" record --multicast 239.1.2.1:9201 --requests 9202 --session DAY1 \
  --app book -o recorded
start client node "$here/client.js" 9000 9004
await client "submitted"
# Engine B comes late and has the lines and the request server only.
start b "$tandem" engine --name B --input-session DAY1 "${lines[@]}" --log b --stream 9003
await client "logged out"
stop sequencer
start sequencer "${sequencer[@]}" --end-session
finish client
finish record
sleep 1 # ends of the session and heartbeats
stop dedup a b sequencer capture

for log in input merged; do
  "$tandem" export binaryfile $log -o $log.bin >/dev/null 2>&1 || fail "export of $log"
done
for log in a b recorded; do "$tandem" diff merged $log || fail "$log differs from merged"; done
cmp client-merged.bin merged.bin || fail "the npm client has read another merged stream"

udp=(-d udp.port==9101,moldudp64 -d udp.port==9102,moldudp64 -d udp.port==9201,moldudp64
  -d udp.port==9202,moldudp64)
tcp=(-d tcp.port==9000-9004,soupbintcp)
read_capture() { tshark -r capture.pcapng "${udp[@]}" "${tcp[@]}" "$@" 2>>tshark.out; }
read_capture -Y 'moldudp64' -T fields -e udp.srcport -e udp.dstport -e moldudp64.session \
  -e moldudp64.sequence -e moldudp64.count -e moldudp64.msgseq -e moldudp64.msgdata >mold.txt
read_capture -Y 'soupbintcp' -T fields -e tcp.srcport -e tcp.dstport -e tcp.stream \
  -e soupbintcp.packet_type -e soupbintcp.message -e soupbintcp.next_seq_num \
  -e soupbintcp.req_seq_num -e soupbintcp.username >soup.txt
read_capture -Y '_ws.malformed or _ws.expert.severity == error or moldudp64.msglen.invalid
  or moldudp64.count.invalid or moldudp64.end_of_session_extra or soupbintcp.req_seq_num.invalid
  or soupbintcp.next_seq_num.invalid' >malformed.txt
[ -s malformed.txt ] && fail "tshark finds malformed packets: $(head -n 3 malformed.txt)"
node "$here/check_capture.js" || fail "the capture is not what was sent"

trap - EXIT
rm -rf "$folder"
