#!/usr/bin/env bash
# Boots one virtual machine, runs its job to the end, and returns the job's status:
#
#   ci/vm/boot.sh IMAGE KERNEL CPUS PARAMETERS PAYLOAD DIRECTORY
#
# IMAGE is what ci/vm/image.sh prints, KERNEL a version in it, CPUS a number; PARAMETERS go to the kernel. PAYLOAD (a tar) is
# unpacked over the machine's root, then DIRECTORY/job.tar; the job is /job/main. Its output is our stdout, its
# files of /results go to DIRECTORY/results, the console to DIRECTORY/console.
#
# Status 124: the job took longer than HARNESS_VM_TIMEOUT seconds; 125: the machine failed.
#
# KVM is used where a hardware back end is loaded; /dev/kvm alone proves nothing (a nested software back end
# opens and then fails). A KVM that does not reach the job in 30 s is given up for emulation, too.
set -euo pipefail
image=$1 kernel=$2 cpus=$3 parameters=$4 payload=$5 directory=$6
limit=${HARNESS_VM_TIMEOUT:-1800}
child=

main() {
  local accelerator qemu_status=0 status
  accelerator=$(accelerator)
  trap '[[ -z $child ]] || kill "$child"' EXIT
  boot "$accelerator" || qemu_status=$?
  if [[ $accelerator == kvm ]] && ! said ready >/dev/null; then
    echo "KVM does not get to the job ($(head -1 "$directory/qemu.err")): once more with emulation" >&2
    qemu_status=0
    boot tcg || qemu_status=$?
  fi
  if ! status=$(said exit); then
    tail -n 40 "$directory/console" "$directory/qemu.err" >&2
    ((qemu_status == 124)) || { echo "the machine ended without a status (QEMU: $qemu_status)" >&2; exit 125; }
    echo "the job did not end in $limit s" >&2
    exit 124
  fi
  mkdir -p "$directory/results"
  ((status == 125)) || tar -xf "$directory/results.tar" -C "$directory/results" --no-same-owner
  exit "$status"
}

accelerator() {
  if [[ -n ${HARNESS_VM_ACCELERATOR:-} ]]; then
    echo "$HARNESS_VM_ACCELERATOR"
  elif [[ -w /dev/kvm && (-d /sys/module/kvm_intel || -d /sys/module/kvm_amd) ]]; then
    echo kvm
  else
    echo tcg
  fi
}

# What the third serial port said: `ready`, `exit STATUS`.
said() {
  sed -n "s/^$1 *\([0-9]*\)\r*$/\1/p" "$directory/said" | grep .  ||
    [[ $1 == ready ]] && grep -q '^ready' "$directory/said"
}

# Disks: the root (NVMe, changes are thrown away), payload, job, results. Serial ports: console, output, status.
boot() {
  local processor=(-accel kvm -cpu host)
  [[ $1 == kvm ]] || processor=(-accel 'tcg,thread=multi' -cpu Nehalem-v1)
  : >"$directory/said"
  rm -f "$directory/results.tar"
  truncate -s 64M "$directory/results.tar"
  timeout --foreground -k 5 "$limit" qemu-system-x86_64 "${processor[@]}" -machine q35 -smp "$cpus" -m 2048 \
    -nodefaults -no-user-config -nic none -display none -no-reboot \
    -kernel "$image/vmlinuz-$kernel" \
    -append "root=/dev/nvme0n1 rootwait rw console=ttyS0 quiet panic=-1 oops=panic random.trust_cpu=on mitigations=off init_on_alloc=0 randomize_kstack_offset=off hardened_usercopy=off tsc=reliable no_timer_check nowatchdog audit=0 rcupdate.rcu_expedited=1 net.ifnames=0 $parameters" \
    -drive "file=$image/root.ext4,format=raw,if=none,id=root,snapshot=on,cache=unsafe" -device nvme,drive=root,serial=root \
    -drive "file=$payload,format=raw,if=none,id=payload,read-only=on" -device virtio-blk-pci,drive=payload \
    -drive "file=$directory/job.tar,format=raw,if=none,id=job,read-only=on" -device virtio-blk-pci,drive=job \
    -drive "file=$directory/results.tar,format=raw,if=none,id=results,cache=unsafe" -device virtio-blk-pci,drive=results \
    -chardev "file,id=console,path=$directory/console" -serial chardev:console -serial stdio \
    -chardev "file,id=status,path=$directory/said" -serial chardev:status \
    </dev/null 2>"$directory/qemu.err" &
  child=$!
  [[ $1 == tcg ]] || watch_kvm
  local status=0
  wait "$child" || status=$?
  child=
  return "$status"
}

watch_kvm() {
  local tries
  for ((tries = 0; tries < 150; tries++)); do
    if said ready || ! kill -0 "$child" 2>/dev/null; then return; fi
    sleep 0.2
  done
  kill "$child"
}

main
