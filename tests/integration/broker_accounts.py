"""The broker's accounts of deploy/kubernetes in a virtual host of a real broker."""

import secrets
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from campus.architecture import services
from tests.contract.deploy.manifests import Object, of_kind, overlay
from tests.integration import processes
from tests.integration.chassis.bus import channel_of
from tests.management import manage

# The number of partitions that the `declare` roles create.
PARTITIONS = 2
# What docs/operators.md gives to a system that listens.
STRANGER = "stranger"
STRANGERS = {
    "configure": "^lti[.].+$",
    "write": "^lti[.].+$",
    "read": "^(tandem[.]events|lti[.].+)$",
}
KINDS = {"Permission": "permissions", "TopicPermission": "topic-permissions"}


@dataclass(frozen=True)
class Broker:
    """A virtual host with the accounts of the manifests, and a stranger's."""

    stack: Mapping[str, str]
    admin_url: str
    passwords: Mapping[str, str]

    @property
    def vhost(self) -> str:
        """Its name; that of an account begins with it, for users are the whole broker's."""
        return urlsplit(self.admin_url).path[1:]

    def user(self, name: str) -> str:
        """An account's name at the broker."""
        return f"{self.vhost}.{name}"

    def url(self, name: str) -> str:
        """The AMQP URL of an account."""
        parts = urlsplit(self.admin_url)
        place = f"{self.user(name)}:{self.passwords[name]}@{parts.hostname}:{parts.port}"
        return parts._replace(netloc=place).geturl()

    def manage(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, url: str = ""
    ) -> Any:
        """Ask the management API, as the user of an AMQP URL, by default as who may all."""
        return manage(self.stack, method, path, body, url or self.admin_url)

    def apply(self, each: Object) -> None:
        """Do what RabbitMQ's messaging topology operator does with an object."""
        spec, vhost = each["spec"], quote(self.vhost, safe="")
        if each["kind"] == "User":
            self.add_user(each["metadata"]["name"], spec.get("tags", ()))
        elif each["kind"] == "Policy":
            self.manage("PUT", f"policies/{vhost}/{spec['name']}", _policy(spec))
        else:
            user = self.user(spec["userReference"]["name"])
            self.manage("PUT", f"{KINDS[each['kind']]}/{vhost}/{user}", spec["permissions"])

    def add_user(self, name: str, tags: Sequence[str] = ()) -> None:
        """An account that may nothing yet."""
        body = {"password": self.passwords[name], "tags": ",".join(tags)}
        self.manage("PUT", f"users/{self.user(name)}", body)

    def queues(self, pattern: str, url: str = "") -> Mapping[str, int]:
        """How many messages the queues have whose names fit, asked as KEDA does.

        The broker counts every five seconds.
        """
        path = f"queues/{quote(self.vhost, safe='')}?page=1&page_size=500&use_regex=true"
        found = self.manage("GET", f"{path}&name={quote(pattern)}", url=url)["items"]
        return {each["name"]: each.get("messages", 0) for each in found}

    def empty(self) -> None:
        """Remove the messages of all queues. The history stays: a stream can't be purged."""
        with channel_of(self.admin_url) as channel:
            for queue in self.queues("^(?!tandem[.]history)"):
                channel.queue_purge(queue)


def _policy(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Also for 3.10, which only knows queues of any type."""
    kept = {key: spec[key] for key in ("pattern", "priority", "definition")}
    return {**kept, "apply-to": "queues"}


def objects() -> list[Object]:
    """The manifests' accounts and queues, users first."""
    kinds = ("User", *KINDS, "Policy")
    return [each for kind in kinds for each in of_kind(overlay("university"), kind)]


@contextmanager
def accounts(stack: Mapping[str, str], admin_url: str) -> Iterator[Broker]:
    """The accounts and policies of the manifests; the accounts are gone afterwards."""
    users = [each["metadata"]["name"] for each in of_kind(objects(), "User")] + [STRANGER]
    broker = Broker(stack, admin_url, {name: secrets.token_hex(8) for name in users})
    broker.add_user(STRANGER)
    try:
        path = f"permissions/{quote(broker.vhost, safe='')}/{broker.user(STRANGER)}"
        broker.manage("PUT", path, STRANGERS)
        for each in objects():
            broker.apply(each)
        yield broker
    finally:
        for name in users:
            broker.manage("DELETE", f"users/{broker.user(name)}")


def declare(broker: Broker) -> None:
    """Run every service's `declare`, at once as on Kubernetes."""
    with ExitStack() as running:
        jobs = {name: running.enter_context(role(name, "declare", broker)) for name in services()}
        assert {name: job.wait(120) for name, job in jobs.items()} == dict.fromkeys(jobs, 0)


@contextmanager
def role(
    service: str, name: str, broker: Broker, database: str = "none"
) -> Iterator["subprocess.Popen[bytes]"]:
    """A role of a service under its account; at the end it finishes its unfinished work."""
    environment = {
        **broker.stack,
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_AMQP_URL": broker.url(f"{service}-{name}"),
        "TANDEM_MONGO_DATABASE": database,
        "TANDEM_PARTITIONS": str(PARTITIONS),
    }
    with processes.role(service, name, environment) as process:
        yield process
        process.terminate()
        process.wait(150)
