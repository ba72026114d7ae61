"""Settings from the environment."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from pymongo.uri_parser import parse_uri

from chassis.operations import settings
from chassis.operations.settings import Settings, SettingsError, load, setting


@dataclass(frozen=True, kw_only=True)
class Sample(Settings):
    retries: int = setting("how often")
    loud: bool = setting("whether", default=False)


GOOD = {
    "TANDEM_MONGO_URL": "mongodb://one:27017,two:27017/?replicaSet=rs0",
    "TANDEM_AMQP_URL": "amqp://x",
    "TANDEM_RETRIES": "3",
    "TANDEM_DRAIN": "2.5",
}
API = {
    "TANDEM_MONGO_URL": "mongodb://x",
    "TANDEM_RETRIES": "3",
    "TANDEM_JWKS_URL": "https://identity.example.edu/jwks",
    "TANDEM_TOKEN_ISSUER": "https://identity.example.edu",
    "TANDEM_SERVICE_TOKEN_FILE": "/run/token",
}


def faults_of(environ: dict[str, str], role: str) -> str:
    """The errors with which a role refuses to start."""
    with pytest.raises(SettingsError) as caught:
        load(Sample, environ, role)
    return str(caught.value)


def test_values_are_read_by_their_types() -> None:
    """Numbers, durations in seconds, paths and truths come as such; the rest has its default."""
    found = load(Sample, {**GOOD, "TANDEM_LOUD": "true"}, "worker")
    assert (found.retries, found.drain, found.loud) == (3, timedelta(seconds=2.5), True)
    assert found.clock == "system"
    assert load(Sample, API, "api").service_token_file == Path("/run/token")


def test_every_fault_is_told_at_once() -> None:
    """One message lists all missing and malformed settings, each with the expected value."""
    said = faults_of(
        {
            "TANDEM_LOUD": "perhaps",
            "TANDEM_RETRIES": "many",
            "TANDEM_DRAIN": "soon",
            "TANDEM_LOG_LEVEL": "shout",
        },
        "worker",
    )
    for name in ("MONGO_URL is missing", "AMQP_URL is missing", "LOUD", "RETRIES", "DRAIN", "LOG"):
        assert f"TANDEM_{name}" in said
    assert len(said.splitlines()) == 6


def test_a_role_reads_its_own_settings_only() -> None:
    """Another role's settings may be missing or wrong, and stay empty."""
    found = load(Sample, {**GOOD, "TANDEM_GRPC_ADDRESS": "nonsense"}, "worker")
    assert (found.jwks_url, found.grpc_address) == ("", "127.0.0.1:0")
    assert load(Sample, {**API, "TANDEM_AMQP_URL": "nonsense"}, "api").amqp_url == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMQP_URL", "http://user:secret@broker"),
        ("AMQP_URL", "amqp://user:sec/ret@broker"),
        ("AMQP_URL", "amqp://user:sec#ret@broker"),
        ("AMQP_URL", "amqp://user:sec?ret@broker"),
        ("AMQP_URL", "amqp://user:secret@broker:99999"),
        ("AMQP_URL", "amqp://user:secret@broker:port"),
        ("MONGO_URL", "mongodb://user:sec@ret:word@x"),
        ("MONGO_URL", "mongodb://user:sec/ret@x"),
        ("MONGO_URL", "mongodb://user:sec%ret@x"),
    ],
)
def test_secrets_are_not_told(name: str, value: str) -> None:
    """A wrong connection string is named; no part of it is shown."""
    said = faults_of({**GOOD, f"TANDEM_{name}": value}, "worker")
    assert said.startswith(f"TANDEM_{name} is not right; wanted: ")
    assert "sec" not in said
    assert "ret" not in said


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://x",
        "mongodb://x/",
        "mongodb://x:1,[::1]:2,y/db?replicaSet=rs0&readPreferenceTags=dc:ny,rack:1&tls=true",
        "mongodb://us%40er:p%2Fa%3Ass@x:27017/?authSource=admin",
        "mongodb://user@x?w=majority",
        "mongodb://%2Ftmp%2Fmongodb.sock",
        "mongodb+srv://user:word@cluster.example.edu/?retryWrites=true",
    ],
)
def test_what_the_driver_reads_is_a_connection_string(url: str) -> None:
    """Each form of a MongoDB connection string passes."""
    assert load(Sample, {**GOOD, "TANDEM_MONGO_URL": url}, "worker").mongo_url == url
    if not url.startswith("mongodb+srv"):  # which asks the DNS
        parse_uri(url, warn=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWKS_URL", ""),
        ("JWKS_URL", "http://keys.example/jwks"),
        ("JWKS_URL", "/etc/jwks.json"),
        ("TOKEN_ISSUER", ""),
        ("TOKEN_AUDIENCE", ""),
        ("MONGO_URL", "localhost:27017"),
        ("JWKS_URL", "https:///jwks"),
        ("JWKS_URL", "https://keys.example:99999/jwks"),
        ("MONGO_URL", "mongodb://"),
        ("MONGO_URL", "mongodb://x\n"),
        ("MONGO_URL", "mongodb://x:99999"),
        ("MONGO_URL", "mongodb://x,y:99999"),
        ("MONGO_URL", "mongodb://x,,y"),
        ("MONGO_URL", "mongodb:///db"),
        ("MONGO_URL", "mongodb://x/?replicaSet"),
        ("MONGO_URL", "mongodb+srv://x:27017"),
        ("MONGO_URL", "mongodb+srv://x,y"),
        ("GRPC_ADDRESS", "50051"),
        ("OPS_ADDRESS", "here:there"),
        ("OPS_ADDRESS", "127.0.0.1:99999"),
        ("ENVIRONMENT", "staging"),
        ("CLOCK", "sundial"),
        ("DRAIN", "-1"),
        ("DRAIN", "nan"),
        ("DRAIN", "1e99"),
    ],
)
def test_what_cannot_be(name: str, value: str) -> None:
    """Each value that no role can run with is refused by name, with what is wanted."""
    said = faults_of({**API, f"TANDEM_{name}": value}, "api")
    assert said.startswith(f"TANDEM_{name} ")
    assert "wanted: " in said


def test_production_refuses_a_steered_clock() -> None:
    """Only development runs on a clock of its own."""
    steered = {**GOOD, "TANDEM_CLOCK": "file:/tmp/clock"}
    assert "TANDEM_CLOCK" in faults_of(steered, "worker")
    development = {**steered, "TANDEM_ENVIRONMENT": "development"}
    assert load(Sample, development, "worker").clock.startswith("file:")


def test_origins_are_those_of_sites_or_of_files() -> None:
    """A page that is opened as a file has the origin null; a path is no part of an origin."""
    assert not settings.are_origins("https://study.example.edu,null")
    assert not settings.are_origins("")
    assert settings.are_origins("https://study.example.edu/page")
    assert settings.are_origins("null,*")
