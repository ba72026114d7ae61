#!/usr/bin/env bash
# Build the images on a stand-in base, without a container engine, and check what is in them.
#
# The base is Debian with its Python, by debootstrap from this machine's own mirror. Needs root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [[ $(id -u) != 0 ]]; then
    echo "this makes a root file system: run it as root" >&2
    exit 1
fi
if ! command -v buildah >/dev/null || ! command -v debootstrap >/dev/null; then
    apt-get install -q -y --no-install-recommends buildah debootstrap >/dev/null
fi
exec .venv/bin/pytest tests/images --timeout 1800 "$@"
