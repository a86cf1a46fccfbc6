#!/usr/bin/env bash
# Installs what the VM bed needs on a Debian or Ubuntu machine, by package name. Nothing is done where
# everything is there.
#
# QEMU must be 10 or newer where it emulates the processor: 7.2 (Debian bookworm) makes a 6.12 guest oops at
# random, in one run of five. On bookworm it comes from bookworm-backports, of the mirror that the machine
# uses already.
set -euo pipefail
# shellcheck source=ci/vm/mirror.sh
source "$(dirname "$0")/mirror.sh"

sudo=()
((EUID == 0)) || sudo=(sudo)

main() {
  local missing=()
  command -v debootstrap >/dev/null || missing+=(debootstrap)
  command -v mke2fs >/dev/null || missing+=(e2fsprogs)
  command -v python3 >/dev/null || missing+=(python3)
  [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || missing+=(debian-archive-keyring)
  if ((${#missing[@]})); then
    "${sudo[@]}" apt-get update -qq
    install_packages "${missing[@]}"
  fi
  (($(qemu_version) >= 10)) || install_qemu
}

install_packages() {
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# The major version of the QEMU here, 0 if there is none.
qemu_version() {
  local version
  version=$(qemu-system-x86_64 --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9]*\).*/\1/p') || true
  echo "${version:-0}"
}

install_qemu() {
  local release=()
  # shellcheck source=/dev/null
  if [[ $(. /etc/os-release && echo "$VERSION_CODENAME") == bookworm ]]; then
    echo "deb $(debian_mirror) bookworm-backports main" |
      "${sudo[@]}" tee /etc/apt/sources.list.d/harness-vm-backports.list >/dev/null
    release=(-t bookworm-backports)
  fi
  "${sudo[@]}" apt-get update -qq
  install_packages "${release[@]}" qemu-system-x86 seabios
}

main
