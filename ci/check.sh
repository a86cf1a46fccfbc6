#!/usr/bin/env bash
# What needs no test run: format, lints, documentation, size budget.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
(cd tests/downstream && cargo fmt --check)
cargo clippy --workspace --all-targets --all-features -- -D warnings
# As it is without features, which is what most people build.
cargo clippy -p isolated-harness -- -D warnings
# --all-targets leaves out those with `test = false`.
cargo clippy --workspace --all-features --test guests --test twins --test speed --test every_argument -- -D warnings
# With an example, for the dependencies as they were checked above.
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps --lib --example run --quiet

# No file over 500 lines (functions: clippy's too_many_lines).
long=$(git ls-files '*.rs' | xargs wc -l | awk '$2 != "total" && $1 > 500 {print "  " $2 ": " $1 " lines"}')
if [ -n "$long" ]; then
  printf 'files over 500 lines:\n%s\n' "$long" >&2
  exit 1
fi

if command -v shellcheck >/dev/null; then
  shellcheck -x -P . .ci/run ci/*.sh ci/vm/*.sh ci/vm/job/* ci/vm/guest/{init,run} tests/covered/rustc.sh
else
  echo "shellcheck is not installed: scripts not checked"
fi

# Licences and sources, where cargo-deny is installed (deny.toml).
if command -v cargo-deny >/dev/null; then
  cargo deny check licenses bans sources
else
  echo "cargo-deny is not installed: licences not checked"
fi
