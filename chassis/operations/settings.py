"""Settings: read from the environment into a frozen dataclass; all faults are listed at once.

A setting says which roles read it, which address it reaches and whether it is a secret. The tables
in docs/operators.md and docs/architecture.md are generated from that, and tests check the manifests
in deploy/ against it. A role gets only its own settings.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, get_type_hints
from urllib.parse import urlsplit

T = TypeVar("T")
PREFIX = "TANDEM_"
NO_FILE = Path()
DRAIN = timedelta(seconds=20)
WAIT_LIMIT = timedelta(days=1)
# The arithmetic is in docs/operators.md.
KEEP_INBOX, KEEP_REQUESTS = timedelta(days=14), timedelta(days=7)
PARTITIONS, MOST_PARTITIONS = 8, 64

API, WORKER, RELAY, SOLVER = "api", "worker", "relay", "solver"
LIVE, MEETINGS, ARCHIVER, WEBHOOKS = "live", "meetings", "archiver", "webhooks"
AUDITOR = "auditor"
DECLARE, MIGRATE = "declare", "migrate"
STORING = (API, WORKER, RELAY, SOLVER, LIVE, MEETINGS, ARCHIVER, WEBHOOKS)
"""The roles that use the service's database."""
SERVERS = (*STORING, AUDITOR)
"""The roles that run until they are stopped."""
EDGES = (API, LIVE)
"""The roles that answer requests."""
ALL_ROLES = (*SERVERS, DECLARE, MIGRATE)


class SettingsError(Exception):
    """The environment does not describe a service that can run; the text lists every fault."""


Check = Callable[[Any], str]
"""Returns what a value should be instead; empty if it is right."""


def setting(
    doc: str,
    *,
    roles: tuple[str, ...] = ALL_ROLES,
    reaches: str = "",
    secret: bool = False,
    required: bool = False,
    check: Check | None = None,
    variable: str = "",
    **default: Any,
) -> Any:
    """Return a field of a settings dataclass, with its meaning, and its default if it has one.

    roles     the roles that read it
    reaches   what is at this address: "mongodb", "rabbitmq", "s3", ..., or a service's name
    secret    it holds a password or key, and is never shown
    variable  its name in the environment, if a standard defines one; else TANDEM_<FIELD>
    required  it must be set although it has a default, which only tests use
    """
    metadata = {
        "doc": doc,
        "roles": roles,
        "reaches": reaches,
        "secret": secret,
        "required": required or not default,
        "check": check or (lambda _: ""),
        "variable": variable,
    }
    return dataclasses.field(metadata=metadata, **default)


# --- checks that several settings share -------------------------------------------------------


def one_of(*values: str) -> Check:
    """Return a check for one of some words."""
    return lambda value: "" if value in values else " or ".join(values)


def given(wanted: str) -> Check:
    """Return a check for a value that is not empty."""
    return lambda value: "" if value else wanted


def url_of(*schemes: str) -> Check:
    """Return a check for a URL with a host and one of some schemes."""
    wanted = " or ".join(f"{scheme}://host" for scheme in schemes)
    return lambda value: "" if _is_url(value, schemes) else f"{wanted}, {_ENCODED}"


def between(low: Any, high: Any, wanted: str) -> Check:
    """Return a check for a number or duration within bounds, both included."""
    return lambda value: "" if low <= value <= high else wanted


def is_address(value: str) -> str:
    """Check for host:port."""
    return "" if _is_host(value) and _HAS_PORT.search(value) else "host:port"


def are_origins(value: str) -> str:
    """Check for origins (RFC 6454, section 7; `null` is that of a file) with commas between, or
    none.
    """
    wrong = [each for each in value.split(",") if value and not _ORIGIN.fullmatch(each)]
    return "origins such as https://host, or null, with commas between and no path" if wrong else ""


def is_target(value: str) -> str:
    """Check for host:port, or a gRPC name of all replicas (grpc/doc/naming.md)."""
    wanted = "host:port, or dns:///name:port for all replicas of a name"
    return wanted if is_address(value.removeprefix("dns:///")) else ""


def is_mongodb(value: str) -> str:
    """Check for a MongoDB connection string as the driver reads it: hosts, or one SRV name."""
    wanted = "mongodb://user:password@host:port,host:port/?option=value, or mongodb+srv://name"
    found = _MONGODB.fullmatch(value)
    hosts = found["hosts"].split(",") if found else [""]
    many = found is None or found["srv"] is None or (len(hosts) == 1 and ":" not in hosts[0])
    return "" if many and all(map(_is_host, hosts)) else f"{wanted}, {_ENCODED}"


_ENCODED = "with %XX for special characters of user and password"
# Unescaped characters; all others are percent-encoded (RFC 3986, section 2.1).
_WORD = r"(?:[^\s:/?#\[\]@%,]|%[0-9A-Fa-f]{2})+"
_OPTION = r"\w+=[^\s=&;]*"
_HOST = re.compile(rf"(?:\[[0-9a-fA-F:.]+\]|{_WORD})(?::(?P<port>\d+))?")
_HAS_PORT = re.compile(r":\d+$")
_MONGODB = re.compile(
    rf"mongodb(?P<srv>\+srv)?://(?:{_WORD}(?::{_WORD})?@)?(?P<hosts>[^\s/?#@]+)"
    rf"(?:/{_WORD}|/)?(?:\?{_OPTION}(?:[&;]{_OPTION})*)?"
)
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d+)?|null")
LARGEST_PORT = 65535


def _is_host(value: str) -> bool:
    """Return whether it is host, or host:port."""
    found = _HOST.fullmatch(value)
    return found is not None and int(found["port"] or 0) <= LARGEST_PORT


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    if parts.scheme not in schemes or re.search(r"\s", value):
        return False
    if parts.scheme == "file":
        return bool(parts.path)
    # An unescaped / or # in a password ends the host too early: then the rest contains the @.
    after = parts.path + parts.query + parts.fragment
    return _is_host(parts.netloc.rpartition("@")[2]) and "@" not in after


def _is_clock(value: str) -> str:
    return "" if value == "system" or value.startswith("file:") else "system or file:<path>"


# --- the settings of every service ---------------------------------------------------------------


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings that all services have."""

    environment: str = setting(
        "production, or development for demo and tests",
        check=one_of("production", "development"),
        default="production",
    )
    clock: str = setting(
        "system, or file:<path> outside of production",
        roles=(API, WORKER, SOLVER, LIVE, MEETINGS, ARCHIVER, WEBHOOKS, MIGRATE),
        check=_is_clock,
        default="system",
    )
    log_level: str = setting(
        "debug, info, warning or error",
        check=one_of("debug", "info", "warning", "error"),
        default="info",
    )
    mongo_url: str = setting(
        "the replica set, as a MongoDB connection string",
        roles=(*STORING, MIGRATE),
        reaches="mongodb",
        secret=True,
        check=is_mongodb,
    )
    mongo_database: str = setting(
        "the service's own database; empty: tandem_<service>",
        roles=(*STORING, MIGRATE),
        default="",
    )
    amqp_url: str = setting(
        "the broker, as an AMQP URL",
        roles=(WORKER, RELAY, LIVE, ARCHIVER, WEBHOOKS, DECLARE),
        reaches="rabbitmq",
        secret=True,
        check=url_of("amqp", "amqps"),
    )
    partitions: int = setting(
        "how many queues share the events of a partitioned subscription",
        roles=(WORKER, DECLARE),
        check=between(1, MOST_PARTITIONS, f"1 to {MOST_PARTITIONS}"),
        default=PARTITIONS,
    )
    ops_address: str = setting(
        "host:port of metrics and health", roles=SERVERS, check=is_address, default="127.0.0.1:0"
    )
    grpc_address: str = setting(
        "host:port of the gRPC server", roles=EDGES, check=is_address, default="127.0.0.1:0"
    )
    http_address: str = setting(
        "host:port of the HTTP server", roles=EDGES, check=is_address, default="127.0.0.1:0"
    )
    http_origins: str = setting(
        "origins whose pages may call from a browser, with commas between: https://host;"
        " null: pages that are opened as files, such as those of offline packs",
        roles=EDGES,
        check=are_origins,
        default="",
    )
    person_requests: int = setting(
        "how many requests of one person a replica accepts at once; of all callers: 1,000",
        roles=EDGES,
        check=between(1, 1000, "1 to 1000"),
        default=64,
    )
    service_requests: int = setting(
        "how many requests of one system (role `service`) a replica accepts at once",
        roles=EDGES,
        check=between(1, 1000, "1 to 1000"),
        default=500,
    )
    jwks_url: str = setting(
        "the identity provider's keys (JWKS): https://, or file://",
        roles=EDGES,
        reaches="identity",
        required=True,
        check=url_of("https", "file"),
        default="",
    )
    token_issuer: str = setting(
        "the `iss` that tokens must carry",
        roles=EDGES,
        required=True,
        check=given("the issuer's name, as its tokens contain it"),
        default="",
    )
    token_audience: str = setting(
        "the `aud` that tokens must carry",
        roles=EDGES,
        check=given("the audience of tokens for Tandem"),
        default="tandem",
    )
    person_claim: str = setting(
        "the token's claim that contains the person's id in Tandem; "
        "`a.b` means `b` within `a`, unless a claim has the whole name",
        roles=EDGES,
        check=given("a claim's name, such as sub"),
        default="sub",
    )
    roles_claim: str = setting(
        "the token's claim with the list of roles' names, such as realm_access.roles",
        roles=EDGES,
        check=given("a claim's name, such as roles"),
        default="roles",
    )
    person_map_file: Path = setting(
        "CSV file of people whom the identity provider knows by another id: the claim's value, the "
        "person's id; read again when it changes; none: the claim is the person's id",
        roles=EDGES,
        default=NO_FILE,
    )
    service_token_file: Path = setting(
        "file with the token for this service's calls to others",
        roles=(API, MEETINGS, AUDITOR),
        default=NO_FILE,
    )
    traces: str = setting(
        "where traces are sent: http://host:4318 of an OpenTelemetry collector; empty: nowhere",
        roles=SERVERS,
        reaches="otlp",
        check=url_of("http", "https"),
        variable="OTEL_EXPORTER_OTLP_ENDPOINT",
        default="",
    )
    wait_limit: timedelta = setting(
        "how long an event may wait for an event of another service until it becomes a dead "
        "letter, in seconds",
        roles=(WORKER,),
        check=between(timedelta(0), timedelta(days=7), "0 to 604800 seconds"),
        default=WAIT_LIMIT,
    )
    keep_inbox: timedelta = setting(
        "how long an applied event is remembered, so that a repeat has no effect, in seconds; "
        "it must be longer than TANDEM_WAIT_LIMIT, and longer than a queue may be without a worker",
        roles=(MIGRATE,),
        check=between(timedelta(days=2), timedelta(days=365), "172800 to 31536000 seconds"),
        default=KEEP_INBOX,
    )
    keep_requests: timedelta = setting(
        "how long the answer to a request_id is remembered, in seconds",
        roles=(MIGRATE,),
        check=between(timedelta(hours=1), timedelta(days=365), "3600 to 31536000 seconds"),
        default=KEEP_REQUESTS,
    )
    drain: timedelta = setting(
        "how long a stop may take, in seconds",
        roles=SERVERS,
        check=between(timedelta(0), timedelta(hours=1), "0 to 3600 seconds"),
        default=DRAIN,
    )

    @property
    def kept(self) -> Mapping[str, timedelta]:
        """How long documents are kept, by collection (chassis/data/retention.py)."""
        return {"inbox": self.keep_inbox, "requests": self.keep_requests}

    def faults(self) -> list[str]:
        """Return the contradictions between settings."""
        if self.environment == "production" and self.clock != "system":
            return ["TANDEM_CLOCK: production runs on the system's clock; wanted: system"]
        return []


def variable_of(field: "dataclasses.Field[Any]") -> str:
    """Return a setting's name in the environment."""
    return field.metadata["variable"] or PREFIX + field.name.upper()


def load(cls: type[T], environ: Mapping[str, str], role: str) -> T:
    """Read every field of a settings dataclass that belongs to the role from the environment.

    The other fields keep their defaults, or are empty. Raises SettingsError, which lists everything
    that is missing, malformed or contradictory.
    """
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        try:
            if found := _read(field, hints[field.name], environ, role):
                values[field.name] = found[0]
        except ValueError as error:
            faults.append(str(error))
    settings = None if faults else cls(**values)
    if isinstance(settings, Settings):
        faults.extend(settings.faults())
    if faults or settings is None:
        raise SettingsError("\n".join(faults))
    return settings


def _read(
    field: "dataclasses.Field[Any]", hint: type, environ: Mapping[str, str], role: str
) -> tuple[Any] | None:
    """Return the field's value; None to keep its default. Raises ValueError with the fault."""
    name, about = variable_of(field), field.metadata
    parse, empty = _PARSERS[hint]
    if role not in about["roles"]:
        return (empty,) if field.default is dataclasses.MISSING else None
    if name not in environ:
        if about["required"]:
            raise ValueError(f"{name} is missing: {about['doc']}")
        return None
    given = "not right" if about["secret"] else repr(environ[name])
    try:
        value = parse(environ[name])
    except ValueError as error:
        raise ValueError(f"{name} is {given}: {error}; wanted: {about['doc']}") from None
    usual = value == field.default and not about["required"]
    if not usual and (wanted := about["check"](value)):
        raise ValueError(f"{name} is {given}; wanted: {wanted}")
    return (value,)


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false", "1", "0"}:
        raise ValueError("not true or false")
    return text.lower() in {"true", "1"}


def _seconds(text: str) -> timedelta:
    number = float(text)
    if not math.isfinite(number) or abs(number) > timedelta.max.days * 86400:
        raise ValueError("not a number of seconds")
    return timedelta(seconds=number)


# By type: the parser, and the value of a setting that does not belong to the role.
_PARSERS: Mapping[type, tuple[Callable[[str], Any], Any]] = {
    str: (str, ""),
    int: (int, 0),
    float: (float, 0.0),
    bool: (_boolean, False),
    Path: (Path, NO_FILE),
    timedelta: (_seconds, timedelta(0)),
}
