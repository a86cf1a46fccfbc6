#!/usr/bin/env bash
# Runs the tests in virtual machines, in every configuration of a machine that we promise something about.
#
#   ci/vm.sh                    all configurations of ci/vm/configurations, two at a time
#   ci/vm.sh NAME...            these
#   ci/vm.sh --accept NAME...   these, and writes their skips to ci/vm/expected: read the difference
#   ci/vm.sh --suite SUITE NAME...   one suite only; skips are not compared
#
# Every configuration must skip exactly the tests that ci/vm/expected/NAME.skips names, each for the need that
# stands there, and pass all others. Everything that a machine said is in target/vm/NAME; the table of all
# configurations of the run in target/vm/environments.md.
#
# KVM is used where it works, else QEMU emulates the processor: 10 to 20 times slower. HARNESS_VM_PARALLEL=N
# machines run at a time; HARNESS_REPEATS and HARNESS_OOM_RUNS reach the tests; other variables are described in
# ci/vm/boot.sh and ci/vm/image.sh.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/.." && pwd)
bed=$checkout/ci/vm
target=$checkout/target/vm
accept=0 suite='' machines_ended=0

main() {
  local names=() name
  while (($#)); do
    case $1 in
      --accept) accept=1 ;;
      --suite) suite=$2; shift ;;
      -*) usage ;;
      *) names+=("$1") ;;
    esac
    shift
  done
  ((${#names[@]})) || mapfile -t names < <(configurations | cut -d' ' -f1)
  bash "$bed/install.sh"
  image=$(bash "$bed/image.sh")
  mkdir -p "$target" "$bed/expected"
  # What an earlier run has left says nothing of this one.
  for name in "${names[@]}"; do rm -rf "${target:?}/$name"; done
  bash "$bed/payload.sh" "$target"
  run_machines "${names[@]}"
  conclude "${names[@]}"
}

# In a process group of their own, so that none outlives us.
run_machines() {
  printf '%s\n' "$@" >"$target/names"
  setsid xargs -a "$target/names" -P "${HARNESS_VM_PARALLEL:-2}" -I{} bash "$bed/machine.sh" {} "$image" "$suite" &
  local machines=$!
  # shellcheck disable=SC2064 # now: the variable is local
  trap "kill -- -$machines" EXIT
  trap 'exit 130' INT TERM
  # Each leaves its status in a file; xargs fails where one has been killed, and starts no more.
  wait "$machines" || machines_ended=$?
  trap - EXIT
}

# Complaints of all machines, at the end, where they are seen.
conclude() {
  local name status=0
  if ((machines_ended)); then
    echo "not all machines got to their end (xargs: $machines_ended)"
    status=1
  fi
  for name in "$@"; do
    printf '%s %s s; ' "$name" "$(<"$target/$name/seconds")"
  done
  echo "all $SECONDS s"
  for name in "$@"; do
    [[ ! -e $target/$name/console.first ]] || echo "$name: the machine failed before its first suite, and was started again"
    case $(cat "$target/$name/status") in
      0) ;;
      1) echo "$name: a suite, or the doctor, failed: $target/$name"; status=1 ;;
      *) echo "$name: the machine failed: $target/$name"; status=1; continue ;;
    esac
    if [[ -z $suite ]]; then
      ((!accept)) || judge accept "$name"
      judge skips "$name" || status=1
    fi
  done
  ((${#names[@]} < $(configurations | wc -l))) || [[ -n $suite ]] || table || status=1
  return "$status"
}

judge() {
  python3 "$bed/judge.py" "$1" "$2" "$target/$2/results" "$bed/expected/$2.skips"
}

# The committed table must say what this run has seen.
table() {
  local committed=$checkout/ci/ENVIRONMENTS.md made=$target/environments.md
  configurations | cut -d' ' -f1 | xargs python3 "$bed/judge.py" table "$target" >"$made"
  ((!accept)) || cp "$made" "$committed"
  diff -u "$committed" "$made" || { echo "ci/ENVIRONMENTS.md is not what this run has seen: see $made, and ci/vm.sh --accept"; return 1; }
}

usage() {
  sed -n '2,/^set/{/^#/s/^# \?//p}' "$0" >&2
  exit 2
}

configurations() {
  sed -e '/^#/d' -e 's/  */ /g' "$bed/configurations"
}

main "$@"
