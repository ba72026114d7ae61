"""Policies on the broker's accounts: each role has its own, which may do that role's work alone."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from campus.architecture import Service, services
from campus.consumers.accounts import Names
from chassis.contracts.events import contracts
from chassis.messaging import partitions, topology
from chassis.operations.settings import MOST_PARTITIONS
from services.sessions.live.exchange import EXCHANGE, QUEUE
from tests.contract.deploy.manifests import Object, name_of, of_kind
from tests.contract.deploy.policies import BROKER_ROLES, container_of, declared, workloads

Rights = Mapping[str, set[str]]
"""What an account may configure, write to and read from."""
DEFAULT = "amq.default"
CONSUMER = Names("student-records")
REPLAY_LOCK = f"{CONSUMER.replay}.lock"
# The exchange of the live channel, and the queue of one of its replicas.
LIVE, LIVE_QUEUE = EXCHANGE, f"{QUEUE}{0:032x}"


def roles_use_their_own_accounts(objects: Sequence[Object]) -> Iterator[str]:
    """A role connects with the Secret of its own name, and its user is made from that."""
    for each in workloads(objects):
        service, role = declared(each)
        for entry in container_of(each).get("env", []):
            secret = f"{service.name}-{role}-rabbitmq"
            if entry["name"] == "TANDEM_AMQP_URL" and secret != _secret_of(entry):
                yield f"{name_of(each)}: {_secret_of(entry)} is not its own"
    for each in of_kind(objects, "User"):
        secret = each["spec"]["importCredentialsSecret"]["name"]
        if secret != f"{each['metadata']['name']}-rabbitmq":
            yield f"{name_of(each)}: {secret} is not its own"


def broker_permissions_are_least(objects: Sequence[Object]) -> Iterator[str]:
    """Each user may do its own work, on no other service's things."""
    found = {
        each["spec"]["userReference"]["name"]: each["spec"]["permissions"]
        for each in of_kind(objects, "Permission")
    }
    users = {each["metadata"]["name"] for each in of_kind(objects, "User")}
    if not users:  # the broker is another one
        return
    wanted = _wanted()
    if not found.keys() == users == wanted.keys():
        yield f"permissions are of {sorted(found)}, users {sorted(users)}, wanted {sorted(wanted)}"
        return
    for name, rights in wanted.items():
        for action, things in rights.items():
            may = {thing for thing in _everything() if re.search(found[name][action], thing)}
            if may != things:
                yield f"{name} may {action} {sorted(may)}, wanted {sorted(things)}"


def relays_publish_their_own_types(objects: Sequence[Object]) -> Iterator[str]:
    """Topic rights: what its service's events are called, and nothing else."""
    if not of_kind(objects, "User"):
        return
    found = {
        each["spec"]["userReference"]["name"]: each["spec"]["permissions"]
        for each in of_kind(objects, "TopicPermission")
        if each["spec"]["permissions"]["exchange"] == topology.EXCHANGE
    }
    for service in services().values():
        pattern = found.get(f"{service.name}-relay", {"write": ""})["write"]
        may = {kind for kind in contracts() if re.search(pattern, kind)}
        if may != set(service.events):
            yield f"{service.name}-relay may publish {sorted(may)}"


def _secret_of(entry: Mapping[str, object]) -> object:
    given = entry.get("valueFrom")
    reference = given.get("secretKeyRef") if isinstance(given, dict) else None
    return reference["name"] if isinstance(reference, dict) else None


@cache
def _wanted() -> Mapping[str, Rights]:
    """The rights that each user needs."""
    roles = {
        f"{service.name}-{role}": _rights(service, role)
        for service in services().values()
        for role in BROKER_ROLES
        if role in service.roles
    }
    return roles | {"operator": _operators(), "keda": _none()}


def _rights(service: Service, role: str) -> Rights:
    """The rights that a role of a service needs, of those that exist."""
    if role == "relay":
        return _none() | {"write": {topology.EXCHANGE}}
    if role == "webhooks":
        return _none() | {"read": {topology.HISTORY}}
    if role == "archiver":
        return _none() | {"read": {topology.HISTORY}, "write": {DEFAULT}}
    if role == "live":
        return {action: {LIVE, LIVE_QUEUE} for action in _none()}
    delays, queues = set(topology.delays()), _queues(service)
    if role == "worker":
        return _none() | {"write": {DEFAULT, *delays}, "read": queues}
    own = delays | queues | _dead(service)
    return {
        "configure": {topology.EXCHANGE, topology.HISTORY, *own},
        "write": {DEFAULT, topology.HISTORY, *own},
        "read": {topology.EXCHANGE, *own},
    }


def _operators() -> Rights:
    """Reads the history and dead letters, sends back to queues, and makes nothing but the lock of a
    replay, whose state it reads.
    """
    dead = {queue for service in services().values() for queue in _dead(service)}
    read = {topology.HISTORY, *dead, CONSUMER.dead, CONSUMER.replay}
    return {"configure": {REPLAY_LOCK}, "write": {DEFAULT}, "read": read}


def _none() -> dict[str, set[str]]:
    return {"configure": set(), "write": set(), "read": set()}


def _queues(service: Service) -> set[str]:
    """Its queues with their partitions; those of a partitioned one have an exchange by its name."""
    return {
        queue
        for each in service.subscriptions
        for queue in partitions.queues(each, MOST_PARTITIONS)
    }


def _dead(service: Service) -> set[str]:
    return {topology.dead(each.name) for each in service.subscriptions}


@cache
def _everything() -> set[str]:
    """Every exchange and queue that there is, and a stranger's."""
    own = {queue for each in services().values() for queue in _queues(each) | _dead(each)}
    others = {topology.EXCHANGE, topology.HISTORY, DEFAULT, "mine", LIVE, LIVE_QUEUE}
    others |= {CONSUMER.queue, CONSUMER.dead, CONSUMER.replay, CONSUMER.lock, REPLAY_LOCK}
    return {*others, *topology.delays(), *own}
