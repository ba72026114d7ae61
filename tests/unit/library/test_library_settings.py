"""What the library refuses to start with."""

import pytest

from chassis.settings import SettingsError, load
from services.library.settings import Settings

GOOD = {
    "TANDEM_MONGO_URL": "mongodb://127.0.0.1:1",
    "TANDEM_AMQP_URL": "amqp://127.0.0.1:1",
    "TANDEM_S3_ENDPOINT": "http://127.0.0.1:1",
    "TANDEM_S3_ACCESS_KEY": "key",
    "TANDEM_S3_SECRET_KEY": "secret",
}


def test_little_is_to_be_told() -> None:
    """Beside addresses and keys, everything has a default."""
    settings = load(Settings, GOOD)
    assert (settings.s3_bucket, settings.part_size) == ("tandem", 16 * 2**20)


def test_every_contradiction_is_told_at_once() -> None:
    """Endpoints, lifetimes and sizes that no store takes."""
    bad = {
        "TANDEM_S3_ENDPOINT": "127.0.0.1:9000",
        "TANDEM_S3_PUBLIC_ENDPOINT": "files.example.edu",
        "TANDEM_URL_LIFETIME": "604801",
        "TANDEM_PART_SIZE": "1048576",
        "TANDEM_EXPIRE_UPLOADS": "0",
    }
    with pytest.raises(SettingsError) as error:
        load(Settings, GOOD | bad)
    assert all(name in str(error.value) for name in bad)
