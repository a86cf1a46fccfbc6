# shellcheck shell=bash
# Where Debian's packages come from: the mirror of the machine's own apt sources, else Debian's public name.
# HARNESS_VM_MIRROR=URL overrides both.

# debian_mirror prints the URL of the main archive.
debian_mirror() {
  local own
  # apt may know several; one is enough. The format's names are apt's, not the shell's.
  # shellcheck disable=SC2016
  own=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n 's/^Debian|//p' | sort -u | sed -n '1{s,/*$,,;p}') || true
  echo "${HARNESS_VM_MIRROR:-${own:-http://deb.debian.org/debian}}"
}
