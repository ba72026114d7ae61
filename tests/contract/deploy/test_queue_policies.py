"""Which of the broker's policies each queue that a service declares gets."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from campus.architecture import services
from chassis.messaging import partitions, topology
from chassis.operations.settings import MOST_PARTITIONS, PARTITIONS
from tests.contract.deploy.manifests import OVERLAYS, of_kind, overlay

LIMITS = Path("deploy/kubernetes/components/rabbitmq/limits.yaml")
SPECS: list[dict[str, Any]] = [
    document["spec"] for document in yaml.load_all(LIMITS.read_text(), yaml.CSafeLoader)
]
SUBSCRIPTIONS = [each for service in services().values() for each in service.subscriptions]


STRANGERS = 10
"""So many queues of others' systems there is room for, however full."""
GIB = 1024**3


def policy_of(queue: str, specs: Sequence[dict[str, Any]] = SPECS) -> dict[str, Any]:
    """The policy that a quorum queue gets: of those whose pattern fits the one of most priority."""
    fitting = [
        spec
        for spec in specs
        if spec["applyTo"] in {"queues", "quorum_queues", "all"}
        and re.search(spec["pattern"], queue)
    ]
    most = max(spec["priority"] for spec in fitting)
    (found,) = (spec for spec in fitting if spec["priority"] == most)  # a tie is anybody's
    return dict(found)


def queues(count: int = MOST_PARTITIONS) -> dict[str, str]:
    """Every queue of events that a service declares, with the policy that it should have."""
    wanted = dict.fromkeys(topology.delays(), "kept")
    for each in SUBSCRIPTIONS:
        wanted |= {topology.dead(each.name): "kept", each.name: "subscriptions"}
        if each.partitioned:
            wanted |= dict.fromkeys(partitions.names(each.name, count), "partitions")
    return wanted


def test_each_declared_queue_gets_its_policy() -> None:
    """Plain queues, partitions, dead letters and delays each get the one that is meant for them."""
    assert {queue: policy_of(queue)["name"] for queue in queues()} == queues()
    assert "partitions" in queues().values()


def test_no_queue_of_ours_drops_events() -> None:
    """A full queue refuses messages; our queues drop no message, and no message expires."""
    for queue in queues():
        definition = policy_of(queue)["definition"]
        assert definition.get("overflow", "reject-publish") == "reject-publish", queue
        assert "message-ttl" not in definition, queue
        assert definition["max-length-bytes"] > 0, queue


@pytest.mark.parametrize("queue", ["grades", "lake.progress.statements", "progress.statements.old"])
def test_a_strangers_queue_is_bounded(queue: str) -> None:
    """A stranger that forgets its queue fills no disk, whatever it is called."""
    assert policy_of(queue)["name"] == "strangers"


@pytest.mark.parametrize("name", OVERLAYS)
def test_full_queues_do_not_fill_the_brokers_disk(name: str) -> None:
    """All full queues, the history and the broker's reserve fit on its volume."""
    objects = overlay(name)
    specs = [each["spec"] for each in of_kind(objects, "Policy")]
    (cluster,) = (each["spec"] for each in of_kind(objects, "RabbitmqCluster"))
    full = [policy_of(each, specs)["definition"] for each in queues(PARTITIONS)]
    full += [policy_of("grades", specs)["definition"]] * STRANGERS
    history = [each["definition"] for each in specs if each["applyTo"] == "streams"]
    assert {each["max-age"] for each in history} == {topology.HISTORY_ARGUMENTS["x-max-age"]}
    free = re.search(r"disk_free_limit.absolute = (\d+)GB", cluster["rabbitmq"]["additionalConfig"])
    assert free
    wanted = sum(each["max-length-bytes"] for each in full + history) + int(free[1]) * 10**9
    assert wanted < int(cluster["persistence"]["storage"].removesuffix("Gi")) * GIB


@pytest.mark.parametrize("kind", ["classic_queues", "quorum_queues"])
def test_strangers_queues_of_each_kind_are_bounded(kind: str) -> None:
    """A classic queue fills a disk as well as a quorum queue does."""
    (found,) = (each for each in SPECS if each["applyTo"] == kind and each["pattern"] == ".*")
    assert found["definition"]["overflow"] == "drop-head"
