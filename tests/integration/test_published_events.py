"""What services publish is what docs/events says: every type, by the services' own mapping."""

import json
from pathlib import Path
from typing import Any

import pytest

from chassis.contracts import json_bodies
from chassis.contracts.events import contracts
from chassis.contracts.mapping import from_message
from chassis.data.store import Store
from services.catalog.store import CatalogStore
from services.library.store import LibraryStore
from services.notify.store import NotifyStore
from services.progress.store import ProgressStore
from services.sessions.store import SessionsStore
from tests import node
from tests.conftest import MakeDatabase
from tests.contract.test_catalogue import (
    DOCUMENT,
    TYPES,
    asyncapi,
    asyncapi_message,
    asyncapi_validator,
    validator,
)
from tests.contract.test_events import domain_classes
from tests.integration.chassis.bus import Bus, channel_of, listen
from tests.integration.processes import role

READER = Path(__file__).parent / "asyncapi"
ERROR, WARNING = 0, 1
STORES: list[type[Store]] = [
    CatalogStore,
    LibraryStore,
    NotifyStore,
    ProgressStore,
    SessionsStore,
]


def documented(service: str) -> dict[str, Any]:
    """The body of each of a service's events in the AsyncAPI document, by the event's type."""
    return {
        name: asyncapi_message(name)["examples"][0]["payload"]
        for name in TYPES
        if name.startswith(f"tandem.{service}.")
    }


def happened(service: str, bodies: dict[str, Any]) -> list[object]:
    """The events as the service's domain has them."""
    classes = {cls.__name__: cls for cls in domain_classes(service)}
    messages = [
        json_bodies.parse(json.dumps(body).encode(), contracts()[name])
        for name, body in bodies.items()
    ]
    return [from_message(each, classes[each.DESCRIPTOR.name]) for each in messages]


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.service)
def test_every_event_is_published_as_documented(
    store: type[Store], stack: dict[str, str], vhost: str, make_database: MakeDatabase
) -> None:
    """Each comes from the service's relay with the headers, the body, the exchange, the routing key
    and the properties of the AsyncAPI document, and is valid by its JSON Schema.
    """
    bodies = documented(store.service)
    bus = Bus(make_database(store), vhost, stack["TANDEM_MONGO_URL"])
    listen(vhost, "stranger")
    told = happened(store.service, bodies)
    bus.database.transact(lambda opened: opened.record_event(*told))
    environment = {
        **stack,
        "TANDEM_AMQP_URL": vhost,
        "TANDEM_MONGO_DATABASE": bus.database.mongo.name,
    }
    with role(store.service, "relay", environment):
        found = bus.messages("stranger", len(bodies))
    assert len(found) == len(bodies)
    for method, properties, body in found:
        assert json.loads(body) == bodies[properties.type]
        check(method, properties, json.loads(body))


def check(method: Any, properties: Any, body: Any) -> None:
    """Fail where a delivery is not what the documents say of its type."""
    message = asyncapi_message(method.routing_key)
    asyncapi_validator(message["headers"]).validate(properties.headers)
    asyncapi_validator(message["payload"]).validate(body)
    validator(method.routing_key).validate(body)
    channel, operation = of_message(message["name"])
    assert channel["address"] == method.routing_key
    assert channel["bindings"]["amqp"]["exchange"]["name"] == method.exchange
    assert message["bindings"]["amqp"]["messageType"] == properties.type
    assert message["contentType"] == properties.content_type
    assert operation["bindings"]["amqp"]["deliveryMode"] == properties.delivery_mode


def of_message(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The channel of a message, and the trait of its operation."""
    found = asyncapi()
    [trait] = found["operations"][f"send{name}"]["traits"]
    part = trait["$ref"].rpartition("/")[2]
    return found["channels"][name], found["components"]["operationTraits"][part]


def test_the_exchange_is_declared_as_documented(vhost: str) -> None:
    """A stranger that declares the exchange by the document finds that one."""
    listen(vhost, "stranger")
    for channel in asyncapi()["channels"].values():
        exchange = channel["bindings"]["amqp"]["exchange"]
        with channel_of(vhost) as link:
            link.exchange_declare(
                exchange["name"],
                exchange["type"],
                durable=exchange["durable"],
                auto_delete=exchange["autoDelete"],
            )


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with AsyncAPI's own parser."""
    return node.installed(READER, tmp_path_factory.mktemp("node"))


def parsed(reader: Path, document: dict[str, Any]) -> Any:
    """What AsyncAPI's own parser finds in a document."""
    (reader / "asyncapi.json").write_text(json.dumps(document))
    return json.loads(node.run(reader, "read.mjs", "asyncapi.json"))


def faults(found: Any) -> list[Any]:
    """The errors and warnings; what is left are hints."""
    return [each for each in found["faults"] if each["severity"] in (ERROR, WARNING)]


def test_asyncapis_parser_reads_the_document(reader: Path) -> None:
    """Without an error or a warning; it finds every event as one that is sent."""
    found = json.loads(node.run(reader, "read.mjs", DOCUMENT))
    assert faults(found) == []
    assert sorted(each["address"] for each in found["sent"]) == TYPES
    assert all(
        each["messages"] == [contracts()[each["address"]].DESCRIPTOR.name] for each in found["sent"]
    )


def test_asyncapis_parser_finds_faults(reader: Path) -> None:
    """So that its silence means something."""
    components = asyncapi()["components"]
    lost = {"PathPublished": {"payload": {"$ref": "#/components/schemas/Nothing"}}}
    messages = {**components["messages"], **lost}
    assert faults(
        parsed(reader, {**asyncapi(), "components": {**components, "messages": messages}})
    )
