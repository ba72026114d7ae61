"""A part that the environment describes wholly is used from there; one by halves is an error."""

import pytest

from campus.stack.errors import StackError
from campus.stack.given import given, given_beside

S3 = {
    "TANDEM_S3_ENDPOINT": "https://s3.example.org",
    "TANDEM_S3_ACCESS_KEY": "key",
    "TANDEM_S3_SECRET_KEY": "secret",
    "TANDEM_S3_BUCKET": "files",
}


@pytest.mark.parametrize("part", ["rabbitmq", "mongodb", "s3", "smtp"])
def test_nothing_is_given_by_default(part: str) -> None:
    """Without variables, and with empty ones, every part is started here."""
    assert given(part, {"TANDEM_AMQP_URL": "", "TANDEM_S3_BUCKET": "", "HOME": "/"}) == {}


def test_a_whole_description_is_taken_over() -> None:
    """An S3 store needs four variables; the region has a default."""
    assert given("s3", S3) == {**S3, "TANDEM_S3_REGION": "us-east-1"}
    assert given("s3", {**S3, "TANDEM_S3_REGION": "eu-1"})["TANDEM_S3_REGION"] == "eu-1"


def test_a_broker_needs_no_management_url() -> None:
    """Optional values may be left out."""
    url = {"TANDEM_AMQP_URL": "amqp://broker"}
    assert given("rabbitmq", url) == url


def test_half_a_description_names_what_is_missing() -> None:
    """The error says what is set and what is not."""
    half = {"TANDEM_S3_ENDPOINT": "https://s3.example.org", "TANDEM_S3_BUCKET": "files"}
    with pytest.raises(StackError) as error:
        given("s3", half)
    assert str(error.value) == (
        "only some variables of s3 are set (TANDEM_S3_ENDPOINT, TANDEM_S3_BUCKET); missing are "
        "TANDEM_S3_ACCESS_KEY, TANDEM_S3_SECRET_KEY. Set all of them, or none to start a local "
        "server."
    )


def test_what_was_given_is_told_from_what_is_local() -> None:
    """A part is given if its address in the platform's environment is not the local one."""
    addresses = {"rabbitmq": "amqp://127.0.0.1:1/", "s3": "http://127.0.0.1:2"}
    local = {"TANDEM_AMQP_URL": "amqp://127.0.0.1:1/", "TANDEM_S3_ENDPOINT": "http://127.0.0.1:2"}
    assert given_beside(addresses, local) == {}
    assert given_beside(addresses, {**local, **S3}) == {**S3, "TANDEM_S3_REGION": "us-east-1"}


@pytest.mark.parametrize("url", ["bla", "http://broker", "amqp://broker:port/"])
def test_a_malformed_url_of_a_broker_is_told(url: str) -> None:
    """Before anything is started."""
    with pytest.raises(StackError, match="use for example amqp://user:password@host:5672/%2F"):
        given("rabbitmq", {"TANDEM_AMQP_URL": url})
