#!/usr/bin/env bash
# Runs the tests in one configuration: ci/vm/machine.sh NAME IMAGE [SUITE]
#
# The output has the name in front of each line; status, results and the rest are in target/vm/NAME.
set -euo pipefail
name=$1 image=$2 only=${3:-}
bed=$(cd "$(dirname "$0")" && pwd)
checkout=${bed%/ci/vm}
target=$checkout/target/vm
directory=$target/$name

main() {
  local kernel cgroup init user setup cpus suites status=0 start=$SECONDS
  read -r _ kernel cgroup init user setup cpus suites < <(grep "^$name " "$bed/configurations") || {
    echo "no configuration $name; there are: $(sed '/^#/d; s/ .*//' "$bed/configurations" | tr '\n' ' ')" >&2
    exit 2
  }
  suites=${only:-$(suites "$suites")}
  rm -rf "$directory"
  mkdir -p "$directory/job" "$directory/results"
  printf '%s\n' "Linux $kernel, cgroup $cgroup, $init init, $user, setup $setup, processors $cpus" >"$directory/description"
  echo "$suites" >"$directory/asked"
  pack_job
  boot || status=$?
  if ((status > 1)) && ! grep -q '^ready' "$directory/said"; then
    # No test had begun: the machine did not get so far, as happens under emulation. Its console is kept.
    echo "[$name] the machine failed with $status: once more"
    mv "$directory/console" "$directory/console.first" || true
    rm -rf "$directory/results"
    mkdir "$directory/results"
    status=0
    boot || status=$?
  fi
  echo "$status" >"$directory/status"
  echo "$((SECONDS - start))" >"$directory/seconds"
  echo "[$name] status $status, $((SECONDS - start)) s"
}

boot() {
  bash "$bed/boot.sh" "$image" "$kernel" "$cpus" "$(parameters)" "$target/payload.tar" "$directory" 2>&1 |
    sed -u "s/^/[$name] /"
}

# The words of the last column, each a suite or a set of them.
suites() {
  # That what the doctor says is what tests meet; the rest of its suite where it is asked for.
  local doctor=doctor/truth::tests_meet_what_it_says
  [[ ,$1, != *,doctor,* ]] || doctor=
  local core="strict isolation limits rootfs output leftovers broken ladder policy" word
  for word in ${1//,/ }; do
    case $word in
      core) echo "$core $doctor" ;;
      quick) echo "compose/-everything_ran verdicts/in_parallel" ;;
      cgroups) echo "strict limits ladder $doctor" ;;
      *) echo "$word" ;;
    esac
  done | tr '\n' ' '
}

pack_job() {
  cp "$bed"/job/* "$directory/job"
  cat >"$directory/job/configuration" <<EOF
VM_INIT=$init VM_USER=$user VM_SETUP='$setup' VM_SUITES='$suites'
VM_CHECKOUT='$checkout' VM_PREBUILT='$target/prebuilt'
export HARNESS_OOM_RUNS=${HARNESS_OOM_RUNS:-5} HARNESS_REPEATS=${HARNESS_REPEATS:-1}
EOF
  unused >"$directory/job/unused"
  tar -cf "$directory/job.tar" -C "$directory" job
  truncate -s %1M "$directory/job.tar"
}

# Test binaries of other suites: half of the payload, and emulation unpacks 40 MB a second.
unused() {
  local name path suite used=" guests twins "
  for suite in $suites; do used+="${suite%%/*} "; done
  while read -r name path; do
    [[ $path != */deps/* || $used == *" $name "* ]] || echo "${path#/}"
  done <"$target/executables"
}

# Of the kernel.
parameters() {
  case $init in
    plain) echo "init=/usr/local/lib/harness-vm/init harness.cgroup=$cgroup" ;;
    systemd) echo "systemd.unit=harness-vm.target systemd.show_status=false systemd.unified_cgroup_hierarchy=1" ;;
  esac
}

main
