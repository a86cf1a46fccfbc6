#!/usr/bin/env bash
# Installs what the tests and benchmarks need on a fresh Debian or Ubuntu machine, by package name.
# Nothing is done where everything is there.
#
#   ci/install.sh               what builds and runs the tests
#   ci/install.sh --fixtures    what makes root filesystems and images for them (fixtures/make.sh)
set -euo pipefail

# program -> package
declare -A need=([cc]=gcc [unshare]=util-linux [setpriv]=util-linux [ps]=procps [python3]=python3 [bwrap]=bubblewrap
  [docker-registry]=docker-registry [skopeo]=skopeo [htpasswd]=apache2-utils [openssl]=openssl)
if [[ ${1:-} == --fixtures ]]; then
  need=([cc]=gcc [python3]=python3 [mmdebstrap]=mmdebstrap [umoci]=umoci [skopeo]=skopeo [jq]=jq [zstd]=zstd [xz]=xz-utils)
fi
missing=()
for program in "${!need[@]}"; do
  command -v "$program" >/dev/null || missing+=("${need[$program]}")
done
if ((${#missing[@]})); then
  sudo=()
  ((EUID == 0)) || sudo=(sudo)
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
fi
command -v cargo >/dev/null || {
  echo "cargo is missing: install the Rust toolchain (rustup.rs), at least the rust-version of Cargo.toml" >&2
  exit 1
}
