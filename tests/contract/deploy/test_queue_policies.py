"""Which of the broker's policies each queue that a service declares gets."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from campus.architecture import services
from chassis import partitions, topology
from chassis.settings import MOST_PARTITIONS

LIMITS = Path("deploy/kubernetes/components/rabbitmq/limits.yaml")
SUBSCRIPTIONS = [each for service in services().values() for each in service.subscriptions]


def policy_of(queue: str) -> dict[str, Any]:
    """The policy that a quorum queue gets: of those whose pattern fits the one of most priority."""
    specs = [document["spec"] for document in yaml.safe_load_all(LIMITS.read_text())]
    fitting = [
        spec
        for spec in specs
        if spec["applyTo"] in {"queues", "quorum_queues", "all"}
        and re.search(spec["pattern"], queue)
    ]
    most = max(spec["priority"] for spec in fitting)
    (found,) = (spec for spec in fitting if spec["priority"] == most)  # a tie is anybody's
    return dict(found)


def queues() -> dict[str, str]:
    """Every queue of events that a service declares, with the policy that it should have."""
    wanted = dict.fromkeys(topology.delays(), "kept")
    for each in SUBSCRIPTIONS:
        wanted |= {topology.dead(each.name): "kept", each.name: "subscriptions"}
        if each.partitioned:
            wanted |= dict.fromkeys(partitions.names(each.name, MOST_PARTITIONS), "partitions")
    return wanted


def test_each_declared_queue_gets_its_policy() -> None:
    """Plain queues, partitions, dead letters and delays each get the one that is meant for them."""
    assert {queue: policy_of(queue)["name"] for queue in queues()} == queues()
    assert "partitions" in queues().values()


def test_no_queue_of_ours_drops_events() -> None:
    """What is full refuses: nothing of ours falls off a queue's head, nor becomes too old."""
    for queue in queues():
        definition = policy_of(queue)["definition"]
        assert definition.get("overflow", "reject-publish") == "reject-publish", queue
        assert "message-ttl" not in definition, queue
        assert definition["max-length-bytes"] > 0, queue


@pytest.mark.parametrize("queue", ["grades", "lake.progress.statements", "progress.statements.old"])
def test_a_strangers_queue_is_bounded(queue: str) -> None:
    """A stranger that forgets its queue fills no disk, whatever it is called."""
    assert policy_of(queue)["name"] == "strangers"
