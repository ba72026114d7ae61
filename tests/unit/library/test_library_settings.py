"""Settings with which the library refuses to start."""

import pytest

from chassis.operations.settings import SettingsError, load
from services.library.settings import Settings

S3 = {
    "TANDEM_S3_ENDPOINT": "http://127.0.0.1:1",
    "TANDEM_S3_ACCESS_KEY": "key",
    "TANDEM_S3_SECRET_KEY": "secret",
}
API = S3 | {
    "TANDEM_MONGO_URL": "mongodb://127.0.0.1:1",
    "TANDEM_JWKS_URL": "https://identity.example.edu/jwks",
    "TANDEM_TOKEN_ISSUER": "https://identity.example.edu",
}
WORKER = S3 | {
    "TANDEM_MONGO_URL": "mongodb://127.0.0.1:1",
    "TANDEM_AMQP_URL": "amqp://127.0.0.1:1",
}


def test_little_is_to_be_told() -> None:
    """Beside addresses and keys, everything has a default."""
    settings = load(Settings, API, "api")
    assert (settings.s3_bucket, settings.part_size) == ("tandem", 16 * 2**20)


@pytest.mark.parametrize(
    ("role", "good", "bad"),
    [
        (
            "api",
            API,
            {
                "TANDEM_S3_ENDPOINT": "127.0.0.1:9000",
                "TANDEM_S3_PUBLIC_ENDPOINT": "files.example.edu",
                "TANDEM_URL_LIFETIME": "604801",
                "TANDEM_PART_SIZE": "1048576",
                "TANDEM_KEEP_RETIRED": "60",
                "TANDEM_OAI_URL": "https://127.0.0.1/oai",
                "TANDEM_OAI_ADMIN_EMAIL": "library",
                "TANDEM_OAI_NAME": "",
                "TANDEM_PAGES_URL": "https://api.example.edu?",
                "TANDEM_PAGES_KEY": "k" * 31,
                "TANDEM_SEARCH_CA": "/etc/ssl/ca.crt",
            },
        ),
        ("worker", WORKER, {"TANDEM_S3_ENDPOINT": "", "TANDEM_EXPIRE_UPLOADS": "0"}),
    ],
)
def test_every_contradiction_is_told_at_once(
    role: str, good: dict[str, str], bad: dict[str, str]
) -> None:
    """Endpoints, lifetimes and sizes that no store takes."""
    with pytest.raises(SettingsError) as error:
        load(Settings, good | bad, role)
    assert all(name in str(error.value) for name in bad)


def test_a_repository_needs_who_operates_it() -> None:
    """OAI-PMH is off by default; with its URL, harvesters must be told a mail address."""
    assert load(Settings, API, "api").oai_url == ""
    on = API | {"TANDEM_OAI_URL": "https://api.tandem.example.edu/oai"}
    with pytest.raises(SettingsError, match="TANDEM_OAI_ADMIN_EMAIL"):
        load(Settings, on, "api")
    assert load(Settings, on | {"TANDEM_OAI_ADMIN_EMAIL": "library@example.edu"}, "api").oai_url


def test_signed_addresses_need_a_key() -> None:
    """Playlists and podcasts are off by default; with their URL they need a key, which is never
    shown.
    """
    assert load(Settings, API, "api").pages_url == ""
    on = API | {"TANDEM_PAGES_URL": "https://api.example.edu"}
    with pytest.raises(SettingsError, match="TANDEM_PAGES_KEY"):
        load(Settings, on, "api")
    settings = load(Settings, on | {"TANDEM_PAGES_KEY": "secret" * 6}, "api")
    assert settings.pages_url == "https://api.example.edu"
    with pytest.raises(SettingsError) as error:
        load(Settings, on | {"TANDEM_PAGES_KEY": "hunter2"}, "api")
    assert "hunter2" not in str(error.value)
