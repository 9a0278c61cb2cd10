#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Checks the unit files with systemd's own checker, and that what they start is what the program
# takes.    check_units.sh FOLDER TANDEM
set -euo pipefail
units=$1 tandem=$2
if ! command -v systemd-analyze >/dev/null; then
  echo "skipped: there is no systemd-analyze here; install systemd to check the unit files"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for unit in "$units"/*.service; do
  sed "s|/usr/bin/tandem|$tandem|" "$unit" >"$folder/$(basename "$unit")"
done
said=$(systemd-analyze verify --man=no --recursive-errors=no "$folder"/*.service 2>&1) || true
# Other units of this host are not ours.
said=$(grep -F tandem <<<"$said" || true)
if [ -n "$said" ]; then
  echo "$said"
  exit 1
fi

# Each ExecStart, with a role that is there, is a command line that the program understands.
cat >"$folder/tandem.toml" <<'TOML'
session = "TEST"
[sequencer]
submissions = 9000
stream = 9001
[engine.X]
stream = 9002
[engine.B]
stream = 9003
[dedup.X]
stream = 9004
[record.X]
output = "x"
of = "dedup.X"
TOML
count=0
while read -r line; do
  line=${line#*=}
  line=${line//\/usr\/bin\/tandem/$tandem}
  line=${line//\/etc\/tandem\/tandem.toml/$folder/tandem.toml}
  line=${line//%i/X}
  role=sequencer
  if [[ $line =~ --only\ ([a-z.X]+) ]]; then
    role=${BASH_REMATCH[1]}
    line=${line/${BASH_REMATCH[0]}/}
  fi
  read -ra words <<<"$line"
  "${words[@]}" --check | grep -q "^$role "
  count=$((count + 1))
done < <(grep -h ^ExecStart= "$units"/*.service)
for rule in Restart=on-failure "RestartPreventExitStatus=2 3 4"; do
  [ "$(grep -lx "$rule" "$units"/*.service | wc -l)" = "$count" ]
done
echo "$count units"
