#!/usr/bin/env bash
# The false-pass corpus, repeated: every guest under libtest in parallel, libtest with one thread, and
# nextest. Prints a table of false passes and false failures; fails if there is any complaint.
#
#   ci/soak.sh [REPEATS]      HARNESS_REPEATS, or 50, unless given; about 30 s for each on two cores
set -euo pipefail
cd "$(dirname "$0")/.."

repeats=${1:-${HARNESS_REPEATS:-50}}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
RUST_BACKTRACE=0 HARNESS_REPEATS=$repeats cargo test -p harness-tests --test verdicts -- --nocapture >"$log" 2>&1 || status=$?
grep '^| ' "$log" || true
if ((status)); then
  grep -v '^| ' "$log"
fi
exit "$status"
