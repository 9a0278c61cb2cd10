# SPDX-License-Identifier: Apache-2.0
# tools/soak sanitizers. Source it after common.sh.

# What has threads, or forks from them, or maps zones; the rest runs as well under AddressSanitizer.
TSAN_FOLDERS=(pools state replay live simulation)
# No zone of gigabytes, and not what needs every byte of a large image damaged: hours under valgrind.
MEMCHECKS=(
  "pools_test -*EveryByte*"
  "state_test *"
  "engine_test *mage*:Stepper*:Timers*"
  "replay_test LogPipe*:*eadAhead*:Replay*"
)
# These start `tandem`: a replay with images written and restored, scans of them, live engines with
# a child that writes images, a deduplicator.
MEMCHECKS_OF_PROGRAMS=(
  "state_tools_test *"
  "engines_test Images.*"
  "dedup_test DedupPair*"
)

# memcheck PROGRAM FILTER [OPTION...]: tests under valgrind, which finds what release builds do.
memcheck() {
  local program=$1 filter=$2
  shift 2
  say "valgrind: $program $filter"
  valgrind -q --error-exitcode=99 --suppressions="$PWD/tests/support/valgrind.supp" "$@" \
    "build/release/bin/$program" --gtest_brief=1 --gtest_filter="$filter"
}

run_asan() {
  build asan-ubsan >&2 || return
  ctest --preset asan-ubsan -j "$(nproc)" -E 'benchmark|_bench_'
}

run_tsan() {
  local folder targets=() failed=0
  for folder in "${TSAN_FOLDERS[@]}"; do targets+=("tests/$folder/all"); done
  build tsan tandem "${targets[@]}" >&2 || return
  for folder in "${TSAN_FOLDERS[@]}"; do
    ctest --test-dir "build/tsan/tests/$folder" --output-on-failure -j "$(nproc)" || failed=1
  done
  return "$failed"
}

run_valgrind() {
  install_packages valgrind
  local check names=() failed=0
  for check in "${MEMCHECKS[@]}" "${MEMCHECKS_OF_PROGRAMS[@]}"; do names+=("${check%% *}"); done
  build release tandem "${names[@]}" >&2 || return
  for check in "${MEMCHECKS[@]}"; do
    memcheck "${check%% *}" "${check#* }" || failed=1
  done
  for check in "${MEMCHECKS_OF_PROGRAMS[@]}"; do
    memcheck "${check%% *}" "${check#* }" --trace-children=yes || failed=1
  done
  return "$failed"
}

# run_sanitizers [asan|tsan|valgrind]: one of them or all, also after one that failed.
run_sanitizers() {
  local kinds=(${1:-asan tsan valgrind}) kind failed=()
  install_packages "${PACKAGES[@]}"
  for kind in "${kinds[@]}"; do
    local begin=$SECONDS
    case "$kind" in
    asan | tsan | valgrind) "run_$kind" || failed+=("$kind") ;;
    *)
      say "\"$kind\" is not one of asan, tsan and valgrind"
      exit 2
      ;;
    esac
    say "$kind: $(((SECONDS - begin) / 60)) minutes"
  done
  if [ ${#failed[@]} -gt 0 ]; then
    say "not good under: ${failed[*]}"
    exit 1
  fi
}
