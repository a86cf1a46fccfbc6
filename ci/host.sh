#!/usr/bin/env bash
# Installs what is needed and passes all tests of this machine: format, lints, docs, the workspace under cargo
# test and under nextest (where installed), the downstream crate.
set -euo pipefail
cd "$(dirname "$0")/.."

bash ci/install.sh
bash ci/check.sh
# The guest programs are no tests, and the tests start them.
cargo build -p fixtures
cargo test --workspace --exclude fixtures --all-features
if command -v cargo-nextest >/dev/null; then
  # How the compiler words its errors does not depend on who runs the tests.
  cargo nextest run --workspace --exclude fixtures --exclude harness-ui --all-features
else
  echo "cargo-nextest is not installed: not run under nextest"
fi
(cd tests/downstream && cargo test --quiet --test memory)
