"""The AsyncAPI document of all events (AsyncAPI 3.0.0, AMQP bindings 0.3.0)."""

import tomllib
from collections.abc import Mapping
from typing import Any

import event_examples
import yaml
from event_contracts import ROOT, Contracts, EventType
from event_schemas import INSTANT, Schema, Schemas

BINDING = "0.3.0"
EXCHANGE = "tandem.events"
PLACE = "#/components/schemas/"
DESCRIPTION = """\
Tandem publishes each of its steps as a CloudEvent 1.0 in binary mode: the attributes are message
headers, the body is JSON. Each event type is a channel; its address is the routing key, by which
you bind a queue of your own to the topic exchange `tandem.events` (`*` stands for one word, `#` for
any number). An operation is what Tandem does: it sends; you receive.

A body leaves fields out that have their default value: an enum's is UNSPECIFIED.

The same event may arrive twice: ignore an id that you have seen. Fields, enum values and types are
only added; a change that would break a reader gets a new type with the next version. `x-personal`
marks fields that may hold a name, an address or free text, `x-names-people` those with ids of
people. docs/events.md says the rest."""


def render(contracts: Contracts) -> str:
    """Return the document as YAML."""
    return yaml.dump(
        document(contracts), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100
    )


def document(contracts: Contracts) -> dict[str, Any]:
    """Return the document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    every, schemas = contracts.events, Schemas(contracts, PLACE)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Events of Tandem",
            "version": project["version"],
            "description": DESCRIPTION,
            "license": {"name": project["license"]},
            "tags": [{"name": name} for name in dict.fromkeys(each.service for each in every)],
        },
        "defaultContentType": "application/json",
        "servers": {"broker": SERVER},
        "channels": {each.name: _channel(each) for each in every},
        "operations": {f"send{each.name}": _operation(each) for each in every},
        "components": {
            "messages": {each.name: _message(each, contracts) for each in every},
            "schemas": {
                "CloudEvent": CLOUD_EVENT,
                **{each.name: schemas.of_message(each) for each in every},
                **schemas.named([*contracts.parts, *contracts.enums]),
            },
            "operationTraits": {
                "published": {
                    "bindings": {
                        "amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": BINDING}
                    }
                }
            },
            "securitySchemes": {
                "account": {
                    "type": "userPassword",
                    "description": "An account of the broker, from the operators of Tandem.",
                }
            },
        },
    }


def _channel(event: EventType) -> dict[str, Any]:
    return {
        "address": event.type,
        "title": event.name,
        "summary": event.comment,
        "tags": [{"name": event.service}],
        "servers": [{"$ref": "#/servers/broker"}],
        "messages": {event.name: {"$ref": f"#/components/messages/{event.name}"}},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": EXCHANGE,
                    "type": "topic",
                    "durable": True,
                    "autoDelete": False,
                },
                "bindingVersion": BINDING,
            }
        },
    }


def _operation(event: EventType) -> dict[str, Any]:
    return {
        "action": "send",
        "title": f"{event.service} publishes {event.name}",
        "summary": event.comment,
        "channel": {"$ref": f"#/channels/{event.name}"},
        "messages": [{"$ref": f"#/channels/{event.name}/messages/{event.name}"}],
        "traits": [{"$ref": "#/components/operationTraits/published"}],
    }


def _message(event: EventType, contracts: Contracts) -> dict[str, Any]:
    body = event_examples.body(event, contracts)
    fields = list(contracts.fields(event))
    return {
        "name": event.name,
        "title": event.type,
        "summary": event.comment,
        "contentType": "application/json",
        "tags": [{"name": event.service}],
        "headers": _headers(event),
        "payload": {"$ref": f"{PLACE}{event.name}"},
        "bindings": {"amqp": {"messageType": event.type, "bindingVersion": BINDING}},
        "examples": [{"headers": event_examples.headers(event, body), "payload": body}],
        "x-version": int(event.version),
        "x-subject": event.subject,
        "x-partition-key": event.partition_key,
        "x-personal": [path for path, field in fields if field.is_personal],
        "x-names-people": [path for path, field in fields if field.names_people],
    }


def _headers(event: EventType) -> Schema:
    key = " and ".join(event.partition_key)
    return {
        "type": "object",
        "allOf": [{"$ref": f"{PLACE}CloudEvent"}],
        "properties": {
            "cloudEvents_type": {"type": "string", "const": event.type},
            "cloudEvents_source": {
                "type": "string",
                "const": event_examples.SOURCE_OF.format(event.service),
            },
            "cloudEvents_subject": {
                "type": "string",
                "description": f"The body's {event.subject}.",
            },
            "cloudEvents_partitionkey": {
                "type": "string",
                "description": f"The body's {key}{', joined by a colon' * (' ' in key)}.",
            },
        },
        **({} if event.option.without_sequence else {"required": ["cloudEvents_sequence"]}),
    }


def _attributes(described: Mapping[str, Schema]) -> Schema:
    return {f"cloudEvents_{name}": {"type": "string", **more} for name, more in described.items()}


SERVER = {
    "host": "{host}",
    "pathname": "/{vhost}",
    "protocol": "amqps",
    "protocolVersion": "0.9.1",
    "description": "RabbitMQ of the university.",
    "variables": {
        "host": {
            "description": "Name and port of the broker.",
            "default": "rabbitmq.example.edu:5671",
        },
        "vhost": {"description": "The virtual host, percent-encoded.", "default": "%2F"},
    },
    "security": [{"$ref": "#/components/securitySchemes/account"}],
}
CLOUD_EVENT: Schema = {
    "title": "CloudEvent",
    "description": "The attributes of a CloudEvent 1.0 in binary mode, as headers.",
    "type": "object",
    "properties": _attributes(
        {
            "specversion": {"const": "1.0"},
            "id": {
                "description": "UUIDv7, unique. Ignore an id that you have seen.",
                "format": "uuid",
            },
            "type": {
                "description": "What happened; the routing key.",
                "pattern": r"^tandem(\.[a-z_]+){3}\.v[1-9][0-9]*$",
            },
            "source": {"description": "The service.", "pattern": "^/tandem/[a-z]+$"},
            "time": {
                "description": "When it happened.",
                "format": "date-time",
                "pattern": INSTANT,
            },
            "subject": {"description": "The object to which it happened.", "maxLength": 1024},
            "partitionkey": {
                "description": "The aggregate: the object whose events keep their order.",
                "maxLength": 1024,
            },
            "sequence": {
                "description": "The number of the event in its aggregate: 1, 2, 3, ... without "
                "gaps within one service and key.",
                "pattern": "^[0-9]{20}$",
            },
            "traceparent": {
                "description": "W3C trace context of the request that caused it.",
                "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
            },
        }
    ),
    "required": [
        f"cloudEvents_{name}"
        for name in (
            "specversion",
            "id",
            "type",
            "source",
            "time",
            "subject",
            "partitionkey",
            "traceparent",
        )
    ],
}


class _Plain(yaml.SafeDumper):
    """Writes everything where it stands, without anchors."""

    def ignore_aliases(self, _: Any) -> bool:
        return True
