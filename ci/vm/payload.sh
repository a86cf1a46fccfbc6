#!/usr/bin/env bash
# Builds the tests and packs what they need in a virtual machine, at the same absolute paths:
#
#   ci/vm/payload.sh DIRECTORY
#
# makes DIRECTORY/payload.tar with the checkout's sources and fixtures, the test binaries and the programs that
# the tests start. Tests that compile (ui, the doc tests, tests/downstream) and the unit tests of the macro crate,
# which link the compiler's own library, stay on the host.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath -m "$1")

# What the tests find in $HARNESS_PREBUILT: links to the binaries, named as their targets are.
prebuilt=$out/prebuilt

# Those that are small: the tests that need another one are skipped.
fixtures=(
  empty busybox musl
  busybox.tar busybox.tar.gz busybox.tar.zst busybox.tar.xz
  busybox.oci busybox-zstd.oci busybox-user.oci many-layers.oci
  busybox.oci.tar busybox.docker.tar busybox.docker-old.tar
)

main() {
  rm -rf "$prebuilt"
  mkdir -p "$prebuilt"
  local path name
  executables | sort -u >"$out/executables"
  while read -r name path; do
    ln -s "$path" "$prebuilt/$name"
  done <"$out/executables"
  bash fixtures/make.sh "${fixtures[@]}" >"$out/fixtures"
  files | sed -z 's,^/,,' | tar -cf "$out/payload.tar.new" -C / --null --files-from=-
  strip_binaries
  tar -rf "$out/payload.tar.new" -C "$out/stripped" .
  truncate -s %1M "$out/payload.tar.new"
  mv "$out/payload.tar.new" "$out/payload.tar"
}

# Without debug information: a gigabyte takes a minute to unpack under emulation. Those keep theirs whose
# backtraces are looked at.
strip_binaries() {
  local name path
  rm -rf "$out/stripped"
  while read -r name path; do
    mkdir -p "$out/stripped$(dirname "$path")"
    if [[ $name == @(guests|isolation|rootfs|foreign) ]]; then
      cp "$path" "$out/stripped$path"
    else
      strip --strip-debug -o "$out/stripped$path" "$path"
    fi
  done <"$out/executables"
}

# Absolute paths, each with a NUL behind it: what git knows or would add, the links to the binaries, the fixtures and
# cargo's mark of its target directory, which the cache of images is in.
files() {
  local path roots
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' path; do
    [[ ! -e $path && ! -L $path ]] || printf '%s\0' "$PWD/$path"
  done
  find "$prebuilt" -type l -print0
  roots=$(dirname "$(head -1 "$out/fixtures")")
  tr '\n' '\0' <"$out/fixtures"
  printf '%s\0' "$roots/many-layers.list" "$(realpath "$roots/../..")/CACHEDIR.TAG"
}

# Lines of name and path; the library's unit tests are called `unit`.
executables() {
  # With an example, as tests/src/build.rs has it.
  local build=(cargo build -p fixtures --bins) tool=(cargo build --workspace --all-features --bin harness --example run)
  # All features of the library, in whatever the tests start, too: `-p harness-tests` would turn on none.
  local tests=(cargo test --workspace --exclude fixtures --all-features --no-run) json=--message-format=json-render-diagnostics
  "${build[@]}" "$json" | named 'message["target"]["name"]'
  "${tool[@]}" "$json" | named '"bin" in message["target"]["kind"] and message["target"]["name"]'
  "${tests[@]}" "$json" | named 'test_name(message["target"])'
  # --no-run leaves out those with `test = false`.
  "${tests[@]}" --test guests --test twins "$json" | named 'message["target"]["name"]'
}

named() {
  python3 -c '
import json, sys
def test_name(target):
    # The unit tests of the macro crate and of the command need none of this.
    return {"lib": "unit", "test": target["name"]}.get(target["kind"][0])
for line in sys.stdin:
    message = json.loads(line)
    name = message.get("executable") and '"$1"'
    if name:
        print(name, message["executable"])'
}

main
