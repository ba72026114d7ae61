"""Helpers for the tests of services: their API through the real edge, with real tokens.

with running([Servicer(...)], database) as channel_for:
    stub = CatalogServiceStub(channel_for("ada", "learner"))
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from prometheus_client import REGISTRY

from chassis.data.store import Database
from chassis.edge.grpc.client import calling_with
from chassis.edge.methods import Servicer
from chassis.edge.server import Server
from chassis.operations.settings import Settings

ISSUER, AUDIENCE = "https://tests.invalid", "tandem"
HOUR = timedelta(hours=1)

ChannelFor = Callable[..., grpc.Channel]


def figure(name: str, **labels: str) -> float:
    """What this process tells of a metric now; zero where it tells nothing."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Issuer:
    """An identity provider in memory: signs tokens, and writes its public key where it is told."""

    def __init__(self, kid: str = "test") -> None:
        self.kid = kid

    @cached_property
    def key(self) -> ec.EllipticCurvePrivateKey:
        """The private key, made on first use."""
        return ec.generate_private_key(ec.SECP256R1())

    def token(
        self, subject: str, roles: Sequence[str] = (), lifetime: timedelta = HOUR, **claims: Any
    ) -> str:
        """A token of `subject` with `roles` in lower case; `claims` adds or replaces some."""
        whole = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "roles": list(roles),
            "exp": datetime.now(UTC) + lifetime,
            **claims,
        }
        return jwt.encode(whole, self.key, "ES256", headers={"kid": self.kid})

    def jwk(self) -> dict[str, Any]:
        """The public key as a JSON Web Key."""
        public = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "alg": "ES256", "use": "sig"}

    def write_jwks(self, path: Path) -> str:
        """Write the public key set to `path`; answers its URL."""
        path.write_text(json.dumps({"keys": [self.jwk()]}))
        return path.as_uri()


def settings_for(jwks_url: str, **more: Any) -> Settings:
    """Settings of an api role that believes tokens of `Issuer`."""
    fields: dict[str, Any] = {
        "environment": "development",
        "mongo_url": "mongodb://127.0.0.1:1",
        "amqp_url": "amqp://127.0.0.1:1",
        "jwks_url": jwks_url,
        "token_issuer": ISSUER,
        "token_audience": AUDIENCE,
        "drain": timedelta(seconds=5),
        **more,
    }
    return Settings(**fields)


@contextmanager
def running(servicers: Sequence[Servicer], database: Database[Any]) -> Iterator[ChannelFor]:
    """Run a server with the real edge on a free port of this machine.

    Yields `channel_for(subject, *roles)`: a channel on behalf of that caller; without a subject,
    one that sends no token. All of them are closed at the end.
    """
    issuer = Issuer()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        settings = settings_for(issuer.write_jwks(Path(folder) / "jwks.json"))
        server = Server(settings, "tests", database, servicers)
        server.start()
        stack.callback(server.drain, settings.drain)

        def channel_for(subject: str = "", *roles: str) -> grpc.Channel:
            plain = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{server.port}"))
            token = issuer.token(subject, roles) if subject else ""
            return calling_with(plain, lambda: token)

        yield channel_for
