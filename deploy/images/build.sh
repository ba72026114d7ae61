#!/usr/bin/env bash
# Build the image of each service, of the tools and of the demo data (or those named), as tandem-<service>:<version>.
#
# BUILDER   docker or buildah; what is there is found
# BASE      another base, say one with a digest
# OPTIONS   more options for the builder, such as --secret id=pip,src=pip.conf
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

builder() {
    if [[ -n ${BUILDER:-} ]]; then
        echo "$BUILDER"
    elif command -v docker >/dev/null && docker info >/dev/null 2>&1; then
        echo docker
    elif command -v buildah >/dev/null; then
        echo buildah
    else
        echo "images need docker (running) or buildah; neither is here" >&2
        return 1
    fi
}

version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
build=$(builder)
services=("$@")
[[ $# -gt 0 ]] || services=(catalog library sessions sessions-solver progress notify tools demo-data)
for service in "${services[@]}"; do
    # shellcheck disable=SC2086  # OPTIONS is a list
    $build build ${OPTIONS:-} ${BASE:+--build-arg BASE=$BASE} \
        --build-arg SERVICE="$service" --build-arg VERSION="$version" \
        -f deploy/images/Dockerfile -t "tandem-$service:$version" .
done
