"""Settings from the environment, into a frozen dataclass, with every fault listed at once."""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T")
PREFIX = "TANDEM_"
NO_FILE = Path()
DRAIN = timedelta(seconds=20)


class SettingsError(Exception):
    """The environment does not describe a service that can run; the text lists every fault."""


def setting(doc: str, **default: Any) -> Any:
    """A field of a settings dataclass: what it means, and its default when it has one."""
    return dataclasses.field(metadata={"doc": doc}, **default)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What every role of every service is told."""

    environment: str = setting(
        "production, or development for demo and tests", default="production"
    )
    clock: str = setting("system, or file:<path> outside of production", default="system")
    log_level: str = setting("debug, info, warning or error", default="info")
    mongo_url: str = setting("the replica set, as a MongoDB connection string")
    mongo_database: str = setting("the service's own database; empty: tandem_<service>", default="")
    amqp_url: str = setting("the broker, as an AMQP URL")
    ops_address: str = setting("host:port of metrics and health", default="127.0.0.1:0")
    grpc_address: str = setting("host:port of the gRPC server (api)", default="127.0.0.1:0")
    jwks_url: str = setting("the identity provider's keys: https:// or file:// (api)", default="")
    token_issuer: str = setting("the `iss` that tokens must carry (api)", default="")
    token_audience: str = setting("the `aud` that tokens must carry (api)", default="tandem")
    service_token_file: Path = setting(
        "file with the token by which this service calls others", default=NO_FILE
    )
    drain: timedelta = setting("how long a stop may take, in seconds", default=DRAIN)

    def faults(self) -> list[str]:
        """What contradicts itself."""
        if self.environment == "production" and self.clock != "system":
            return ["TANDEM_CLOCK: production runs on the system's clock; right would be 'system'"]
        return []


def load(cls: type[T], environ: Mapping[str, str]) -> T:
    """Read `TANDEM_<FIELD>` for every field of a settings dataclass.

    Raises SettingsError that lists all that is missing, malformed or contradictory.
    """
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        name = PREFIX + field.name.upper()
        try:
            if name in environ:
                values[field.name] = _PARSERS[hints[field.name]](environ[name])
            elif field.default is dataclasses.MISSING:
                faults.append(f"{name} is missing: {field.metadata['doc']}")
        except ValueError as error:
            faults.append(f"{name} is {environ[name]!r}: {error}; wanted: {field.metadata['doc']}")
    settings = None if faults else cls(**values)
    if isinstance(settings, Settings):
        faults.extend(settings.faults())
    if faults or settings is None:
        raise SettingsError("\n".join(faults))
    return settings


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false", "1", "0"}:
        raise ValueError("not true or false")
    return text.lower() in {"true", "1"}


_PARSERS: Mapping[type, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _boolean,
    Path: Path,
    timedelta: lambda text: timedelta(seconds=float(text)),
}
