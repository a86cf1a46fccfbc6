#!/usr/bin/env bash
# Installs what is needed and passes all tests of this machine: format, lints, docs, the workspace under cargo
# test and under nextest (where installed), the downstream crate.
set -euo pipefail
cd "$(dirname "$0")/.."

bash ci/install.sh
bash ci/install.sh --fixtures
# The guest programs are no tests, and the tests start them. First of all: cargo marks a target directory that it makes.
cargo build -p fixtures
# Mostly downloads, while we compile. What fails here fails again, and says so, in the test that needs it.
bash fixtures/make.sh >/dev/null 2>&1 &
fixtures=$!
trap 'kill "$fixtures" 2>/dev/null || true' EXIT

bash ci/check.sh
cargo test --workspace --exclude fixtures --all-features --no-run
# A stranger's crate, compiled while our tests run, of which many wait.
(cd tests/downstream && exec cargo test --quiet --test memory) >target/downstream 2>&1 &
downstream=$!
trap 'kill "$fixtures" "$downstream" 2>/dev/null || true' EXIT
# Each skip of theirs is a line there.
report=$PWD/target/host.report
: >"$report"
HARNESS_REPORT=$report cargo test --workspace --exclude fixtures --all-features
if command -v cargo-nextest >/dev/null; then
  # What runs no isolated test in its own process does not depend on who runs it; `compose` runs itself so.
  cargo nextest run --workspace --exclude fixtures --all-features \
    -E 'not package(/^(harness-ui|isolated-harness)$/) and not binary(/^(compose|doctor|environments|images_hostile|registry|verdicts)$/)'
else
  echo "cargo-nextest is not installed: not run under nextest"
fi
skipped=$(sed -n 's/.*"test":"\([^"]*\)".*"verdict":"skip".*/\1/p' "$report" | sort -u)
[[ -z $skipped ]] || printf 'skipped on this machine:\n%s\n' "$skipped"
status=0
# The rungs of the ladder are those of several machines; the virtual ones have them. Where root has memory limits, nothing
# else has a reason.
doctor=target/debug/harness
[[ -x $doctor ]] || { echo "the tests have not built $doctor"; status=1; }
if ((EUID == 0)) && grep -qv '^ladder::' <<<"${skipped:-ladder::}" && "$doctor" doctor --require memory >/dev/null; then
  echo "this machine has no reason to skip anything but rungs of the ladder"
  status=1
fi
trap - EXIT
wait "$downstream" || status=$?
cat target/downstream
exit "$status"
