#!/usr/bin/env bash
# Installs what is needed and passes all tests: on this machine, then in virtual machines of every other kind.
set -euo pipefail
cd "$(dirname "$0")/.."
bash ci/host.sh
bash ci/vm.sh
