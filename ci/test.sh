#!/usr/bin/env bash
# Installs what is needed and passes all tests: on this machine, then in virtual machines of every other kind.
set -euo pipefail
cd "$(dirname "$0")/.."

# Downloads, while this machine compiles.
bash ci/install.sh
bash ci/vm/install.sh
bash ci/vm/image.sh >/dev/null &
image=$!
trap 'kill "$image" 2>/dev/null || true' EXIT

bash ci/host.sh
host=$SECONDS
wait "$image"
trap - EXIT
bash ci/vm.sh
echo "this machine: $host s; virtual machines: $((SECONDS - host)) s"
