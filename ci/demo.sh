#!/usr/bin/env bash
# Shows the main job: a crate that has the library as a dev-dependency runs its tests isolated, on real
# text; then an OOM is reproduced and its evidence printed.
set -euo pipefail
cd "$(dirname "$0")/.."

bash ci/install.sh
cd tests/downstream
echo "== tests/downstream/tests/memory.rs, isolated and measured =="
cargo test --quiet --test memory -- --nocapture
echo
echo "== the same without \`expect = oom\`: the failure that a developer sees =="
if cargo test --quiet --test memory -- --ignored; then
  echo "the OOM was not seen: this is a bug" >&2
  exit 1
fi
