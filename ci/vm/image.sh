#!/usr/bin/env bash
# Builds what the virtual machines boot, once, into a cache:
#
#   ci/vm/image.sh        prints the directory of root.ext4 and vmlinuz-VERSION; root builds it if need be
#
# The cache is $HARNESS_VM_CACHE, else ~/.cache/harness-vm. In it, one directory for each version of the files
# that the image is made from (their hash is its name), so that no image is ever changed in place; builders
# take turns by a lock. A build takes about a minute.
#
# The userland is Debian trixie's: its glibc runs test binaries that were built on bookworm or Ubuntu 24.04,
# and its systemd (257) is the last that can be made to mount cgroup v1. The kernels are Debian's cloud
# kernels: they have nvme and ext4 built in, and boot without an initrd.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=ci/vm/mirror.sh
source "$here/mirror.sh"

# Of the root file system. The kernels' names here are those of `configurations`.
SUITE=trixie
KERNELS=(6.12:trixie 6.1:bookworm 5.10:bullseye)
PACKAGES=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,kmod,procps,iproute2,apparmor

main() {
  local cache image
  cache=$(realpath -m "${HARNESS_VM_CACHE:-$HOME/.cache/harness-vm}")
  image=$cache/$(key)
  if [[ ! -d $image ]]; then
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    [[ -d $image ]] || build "$cache/build" "$image" >&2
  fi
  echo "$image"
}

key() {
  cat "$here"/{image.sh,mirror.sh} "$here"/guest/* | sha256sum | cut -c1-16
}

# build WORKING_DIRECTORY IMAGE_DIRECTORY
build() {
  ((EUID == 0)) || { echo "ci/vm/image.sh: debootstrap needs root: sudo -E $here/image.sh" >&2; exit 1; }
  local work=$1 root=$1/root out=$1/out
  rm -rf "$work"
  mkdir -p "$root" "$out"
  echo "building the image of the virtual machines from $(debian_mirror)"
  bootstrap "$root" "$work/debootstrap.log"
  add_kernels "$root" "$out"
  add_users "$root"
  add_guest_files "$root"
  trim_systemd "$root"
  pack "$root" "$out/root.ext4"
  mv "$out" "$2"
  rm -rf "$work"
}

bootstrap() {
  local root=$1 log=$2
  if ! debootstrap --variant=minbase --exclude=tzdata --include="$PACKAGES" "$SUITE" "$root" "$(debian_mirror)" >"$log" 2>&1; then
    tail -20 "$log"
    exit 1
  fi
}

in_root() {
  local root=$1
  shift
  chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"
}

# Downloaded and unpacked, not installed: no initrd is made, no script runs.
add_kernels() {
  local root=$1 out=$2 kernel package
  for kernel in "${KERNELS[@]}"; do
    echo "deb $(debian_mirror) ${kernel#*:} main"
  done >"$root/etc/apt/sources.list"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  in_root "$root" apt-get -qq update
  mkdir "$root/var/tmp/kernels"
  for kernel in "${KERNELS[@]}"; do
    package=$(kernel_package "$root" "${kernel#*:}")
    # shellcheck disable=SC2016
    in_root "$root" sh -c 'cd /var/tmp/kernels && apt-get -qq download -o APT::Sandbox::User=root "$0"' "$package"
    add_kernel "$root" "$out" "${kernel%%:*}" "$root/var/tmp/kernels/$package"_*.deb
  done
  rm -r "$root/var/tmp/kernels" "$root/etc/resolv.conf"
}

# The newest cloud kernel of a suite: what the metapackage of that suite depends on.
kernel_package() {
  local root=$1 suite=$2 version
  version=$(in_root "$root" apt-cache madison linux-image-cloud-amd64 | awk -v suite="$suite/main" '$0 ~ suite {print $3; exit}')
  in_root "$root" apt-cache show "linux-image-cloud-amd64=$version" | sed -n 's/^Depends: \(linux-image-[^ ]*\).*/\1/p'
}

add_kernel() {
  local root=$1 out=$2 name=$3 deb=$4 unpacked=$1/var/tmp/kernels/unpacked release modules
  dpkg-deb -x "$deb" "$unpacked"
  release=$(basename "$unpacked"/boot/vmlinuz-*)
  release=${release#vmlinuz-}
  cp "$unpacked/boot/vmlinuz-$release" "$out/vmlinuz-$name"
  cp "$unpacked/boot/config-$release" "$out/config-$name"
  modules=$(find "$unpacked" -type d -path "*lib/modules/$release")
  mkdir -p "$root/usr/lib/modules"
  mv "$modules" "$root/usr/lib/modules/$release"
  # The bulk that no test loads.
  (cd "$root/usr/lib/modules/$release/kernel" &&
    rm -rf sound drivers/{gpu,media,infiniband,scsi,target,staging,iio,hwmon,usb,ata,md} drivers/net/ethernet \
      fs/{xfs,btrfs,ocfs2,gfs2,ceph,nfs,nfsd,smb,cifs,f2fs,jfs,ntfs3,reiserfs,afs,coda,dlm})
  in_root "$root" depmod "$release"
  rm -r "$unpacked"
}

# `tester`, an ordinary user whose systemd instance is always there (as loginctl enable-linger leaves it).
add_users() {
  local root=$1
  in_root "$root" useradd --create-home --uid 1000 --shell /bin/bash tester
  in_root "$root" passwd --quiet --delete tester
  mkdir -p "$root/var/lib/systemd/linger"
  touch "$root/var/lib/systemd/linger/tester"
}

add_guest_files() {
  local root=$1
  mkdir -p "$root/usr/local/lib/harness-vm"
  install -m755 "$here"/guest/{init,run} "$root/usr/local/lib/harness-vm/"
  install -m644 "$here"/guest/harness-vm.{service,target} "$root/etc/systemd/system/"
  echo harness-vm >"$root/etc/hostname"
  printf '127.0.0.1 localhost harness-vm\n' >"$root/etc/hosts"
  echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
  : >"$root/etc/fstab"
}

# What costs seconds under emulation and changes nothing for the tests.
trim_systemd() {
  local units=$1/etc/systemd/system unit
  for unit in \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    systemd-{random-seed,journal-flush,update-utmp,pstore,hwdb-update,journal-catalog-update}.service \
    systemd-{machine-id-commit,firstboot,sysusers,update-done,modules-load,timesyncd,networkd}.service \
    systemd-{udevd,udev-trigger,udev-load-credentials}.service systemd-udevd-{control,kernel}.socket \
    systemd-tmpfiles-{setup-dev,setup-dev-early}.service systemd-tmpfiles-clean.timer \
    modprobe@.service modprobe@{drm,configfs,fuse,efi_pstore}.service kmod-static-nodes.service ldconfig.service \
    run-lock.mount sys-fs-fuse-connections.mount sys-kernel-{config,debug,tracing}.mount dev-{hugepages,mqueue}.mount \
    proc-sys-fs-binfmt_misc.automount getty@tty1.service serial-getty@ttyS0.service apparmor.service; do
    ln -sf /dev/null "$units/$unit"
  done
}

# An ext4 image without a mount or a loop device.
pack() {
  local root=$1 image=$2
  rm -rf "${root:?}"/{boot,var/cache/apt,var/lib/apt/lists,usr/share/doc,usr/share/man,usr/share/locale} "${root:?}"/dev/*
  mkdir -p "$root"/{boot,var/cache/apt,var/lib/apt/lists}
  mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=0 -L harness-vm -d "$root" "$image" 1500M
}

main
