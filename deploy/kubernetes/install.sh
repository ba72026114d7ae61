#!/usr/bin/env bash
# Install Tandem, or upgrade it, from an overlay: accounts, settings and stores first; then every
# service's migrate and declare; then the roles. Stops at the first thing that fails, and may be
# repeated.
#
# Usage: install.sh OVERLAY [NAMESPACE]     (NAMESPACE defaults to tandem, as in the overlays)

set -euo pipefail

readonly JOBS='app.kubernetes.io/component in (migrate,declare)'
readonly ROLES='app.kubernetes.io/component in (api,worker,relay)'
readonly LOOKS=${TANDEM_INSTALL_LOOKS:-900} PAUSE=${TANDEM_INSTALL_PAUSE:-2} # half an hour

main() {
    [[ $# == 1 || $# == 2 ]] || fail "usage: install.sh OVERLAY [NAMESPACE]"
    readonly NAMESPACE=${2:-tandem}
    MANIFESTS=$(mktemp)
    trap 'rm -f "$MANIFESTS"' EXIT
    kubectl kustomize "$1" >"$MANIFESTS"
    ours get namespace "$NAMESPACE" >/dev/null 2>&1 || ours create namespace "$NAMESPACE"
    ours delete job -l "$JOBS" --ignore-not-found # a Job can't be changed
    apply -l '!app.kubernetes.io/component'
    wait_for_broker
    apply -l "$JOBS"
    wait_for_jobs
    apply
    ours rollout status deployment -l "$ROLES" --timeout=10m
}

fail() {
    printf 'install: %s\n' "$@" >&2
    exit 1
}

ours() { kubectl -n "$NAMESPACE" "$@"; }

apply() { ours apply -f "$MANIFESTS" "$@"; }

# Queues are to be on all of the broker's nodes. An overlay may name another broker instead of one
# of its own.
wait_for_broker() {
    grep -q '^kind: RabbitmqCluster$' "$MANIFESTS" || return 0
    ours wait --for=condition=AllReplicasReady --timeout=15m rabbitmqcluster/tandem-rabbitmq
}

# `kubectl wait` can wait for success or for failure, not for whichever comes first.
wait_for_jobs() {
    local look states
    for ((look = 0; look < LOOKS; look++)); do
        states=$(job_states)
        ! grep -w Failed <<<"$states" >&2 || fail "a job failed; see kubectl -n $NAMESPACE logs job/NAME"
        [[ -z $states || $(grep -vw Complete <<<"$states") ]] || return 0
        sleep "$PAUSE"
    done
    fail "these jobs have not ended:" "$(grep -vw Complete <<<"$states")"
}

# A line a job: its name, and the conditions that hold.
job_states() {
    ours get job -l "$JOBS" -o \
        'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.status=="True")].type}{"\n"}{end}'
}

main "$@"
