"""Settings: all errors are reported at once, without passwords."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from chassis.operations.settings import NO_FILE, SettingsError, load
from services.notify import settings
from services.notify.archives import archive_of
from services.notify.carriers import carriers
from services.notify.domain import bounces
from services.notify.settings import Settings
from services.notify.signing import signer
from services.notify.webpush import BadKey, write_key

GOOD = {
    "TANDEM_MONGO_URL": "mongodb://127.0.0.1",
    "TANDEM_AMQP_URL": "amqp://127.0.0.1",
    "TANDEM_SMTP_URL": "smtp://127.0.0.1:25",
}


def test_defaults() -> None:
    """Reminders go out a day and an hour before."""
    assert load(Settings, GOOD, "worker").leads == (timedelta(days=1), timedelta(hours=1))


def test_all_faults_at_once() -> None:
    """Every setting that can't be is named."""
    bad = {
        **GOOD,
        "TANDEM_SMTP_URL": "https://user:secret@mail.example",
        "TANDEM_MAIL_FROM": "tandem",
        "TANDEM_MAIL_ATTEMPTS": "0",
        "TANDEM_REMINDER_LEADS": "soon",
    }
    with pytest.raises(SettingsError) as caught:
        load(Settings, bad, "worker")
    text = str(caught.value)
    for name in ("SMTP_URL", "MAIL_FROM", "MAIL_ATTEMPTS", "REMINDER_LEADS"):
        assert f"TANDEM_{name}" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    "sender",
    [
        "tändem@university.example",
        "tandem@münchen.example",
        "@university.example",
        '"a b"@university.example',
        "a b@university.example",
        "tandem@university..example",
        "tandem@[127.0.0.1]",
        "Tandem <tandem@university.example>",
        "tandem@university.example\n",
    ],
)
def test_senders_that_no_mail_can_have(sender: str) -> None:
    """An address that no envelope takes as it is (RFC 5321, without SMTPUTF8) is refused at the
    start, and not with each mail.
    """
    with pytest.raises(SettingsError, match="MAIL_FROM"):
        load(Settings, {**GOOD, "TANDEM_MAIL_FROM": sender}, "worker")


@pytest.mark.parametrize(
    "url",
    ["https://münchen.example", "https://api.example.edu/<x>", 'https://api.example.edu/"'],
)
def test_addresses_of_pages_that_no_header_can_have(url: str) -> None:
    """List-Unsubscribe has a URI; another address is refused at the start, and not with each
    mail.
    """
    chosen = {**GOOD, "TANDEM_PAGES_URL": url, "TANDEM_PAGES_KEY": "k" * 32}
    with pytest.raises(SettingsError, match="PAGES_URL"):
        load(Settings, chosen, "worker")


@pytest.mark.parametrize("sender", ["tandem@localhost", "no-reply+t.x@xn--mnchen-3ya.example"])
def test_senders(sender: str) -> None:
    """A sender may be of this machine, and of an international domain in its ASCII form."""
    assert load(Settings, {**GOOD, "TANDEM_MAIL_FROM": sender}, "worker").mail_from == sender


@pytest.mark.parametrize("leads", ["-1", "0", "1e20", "nan", "86400;3600"])
def test_leads_that_cannot_be(leads: str) -> None:
    """A lead time is a number of seconds above 0 and within a year."""
    with pytest.raises(SettingsError, match="REMINDER_LEADS"):
        load(Settings, {**GOOD, "TANDEM_REMINDER_LEADS": leads}, "worker")


def test_no_leads_means_no_reminders() -> None:
    """An empty list turns reminders off."""
    assert load(Settings, {**GOOD, "TANDEM_REMINDER_LEADS": ""}, "worker").leads == ()


def pem(key: PrivateKeyTypes, password: bytes | None = None) -> bytes:
    """A key as a file has it."""
    kept = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept)


RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"\xff\x00 no key",
        pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(RSA_KEY, b"password"),
        RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=["missing", "empty", "bytes", "short", "ec", "password", "public"],
)
def test_bad_keys_of_dkim(tmp_path: Path, content: bytes | None) -> None:
    """A key that can't sign is refused at the start, together with the other faults."""
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match="TANDEM_DKIM_KEY_FILE"):
        signer(file, "s1", "university.example")


def test_all_faults_of_dkim_and_bounces(tmp_path: Path) -> None:
    """A file that is not there, and names that can't be, are told together."""
    bad = {
        **GOOD,
        "TANDEM_DKIM_KEY_FILE": str(tmp_path / "none"),
        "TANDEM_DKIM_SELECTOR": "a b",
        "TANDEM_DKIM_DOMAIN": "-.example",
        "TANDEM_BOUNCE_ADDRESS": "university-bounces@university.example",
        "TANDEM_PAGES_KEY": "short",
    }
    with pytest.raises(SettingsError) as caught:
        load(Settings, bad, "worker")
    for name in ("KEY_FILE", "SELECTOR", "DOMAIN", "BOUNCE_ADDRESS", "PAGES_KEY"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"TANDEM_BOUNCE_ADDRESS": "bounces@university.example"}, "PAGES_KEY is missing"),
        ({"TANDEM_PAGES_URL": "https://api.example.edu"}, "PAGES_KEY is missing"),
        ({"TANDEM_PAGES_URL": "http://h.example", "TANDEM_PAGES_KEY": "k" * 32}, "https://"),
    ],
)
@pytest.mark.parametrize("role", ["api", "worker"])
def test_contradictions_of_addresses(role: str, given: dict[str, str], fault: str) -> None:
    """Addresses with codes need a key, and mail programs unsubscribe by HTTPS only."""
    api = {
        "TANDEM_JWKS_URL": "https://h.example/jwks",
        "TANDEM_TOKEN_ISSUER": "https://h.example",
        "TANDEM_TOKEN_AUDIENCE": "tandem",
    }
    with pytest.raises(SettingsError, match=fault):
        load(Settings, {**GOOD, **api, **given}, role)


def test_the_longest_mailbox_for_bounces() -> None:
    """The settings allow what leaves room for a token."""
    assert settings.LONGEST_LOCAL == bounces.LONGEST_LOCAL


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"TANDEM_DKIM_SELECTOR": ""}, "DKIM_SELECTOR is missing"),
        ({"TANDEM_DKIM_KEY_FILE": ""}, "DKIM_KEY_FILE is missing"),
        ({"TANDEM_DKIM_DOMAIN": "example"}, ""),
        ({"TANDEM_DKIM_DOMAIN": "Mail.example"}, ""),
        ({"TANDEM_DKIM_DOMAIN": "il.example"}, "DKIM_DOMAIN is"),
        ({"TANDEM_DKIM_DOMAIN": "elsewhere.example"}, "DKIM_DOMAIN is"),
        ({}, ""),
    ],
)
def test_contradictions_of_dkim(tmp_path: Path, changed: dict[str, str], fault: str) -> None:
    """Key and selector are given together, and the domain is the sender's or one above it."""
    file = tmp_path / "key.pem"
    file.write_bytes(pem(RSA_KEY))
    signing = {
        **GOOD,
        "TANDEM_MAIL_FROM": "tandem@mail.example",
        "TANDEM_DKIM_KEY_FILE": str(file),
        "TANDEM_DKIM_SELECTOR": "s1",
        **changed,
    }
    if not fault:
        found = load(Settings, signing, "worker")
        assert signer(found.dkim_key_file, found.dkim_selector, found.signing_domain)
        return
    with pytest.raises(SettingsError, match=fault):
        load(Settings, signing, "worker")


def test_without_a_key_nothing_is_signed() -> None:
    """Only the worker signs; and without settings it does not."""
    assert signer(NO_FILE, "", "") is None
    assert load(Settings, GOOD | {"TANDEM_DKIM_SELECTOR": "s1"}, "relay").dkim_selector == ""


SMS = {
    "TANDEM_SMS_URL": "https://account:token@sms.example",
    "TANDEM_SMS_FROM": "Tandem",
    "TANDEM_PAGES_KEY": "k" * 32,
}


def test_what_text_messages_and_web_push_need() -> None:
    """A gateway needs a sender, and that a key for codes; a key of web push its public half. The
    api needs none of the secrets.
    """
    assert load(Settings, {**GOOD, **SMS}, "worker").sms_from == "Tandem"
    for missing, told in (("SMS_FROM", "SMS_FROM"), ("PAGES_KEY", "PAGES_KEY")):
        less = {key: value for key, value in SMS.items() if key != f"TANDEM_{missing}"}
        with pytest.raises(SettingsError, match=f"TANDEM_{told} is missing"):
            load(Settings, {**GOOD, **less}, "worker")
    file = {"TANDEM_PUSH_KEY_FILE": __file__}
    with pytest.raises(SettingsError, match="TANDEM_PUSH_PUBLIC_KEY is missing"):
        load(Settings, {**GOOD, **file}, "worker")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMS_URL", "https://sms.example"),
        ("SMS_URL", "http://account:token@sms.example"),
        ("SMS_URL", "https://account@sms.example"),
        ("SMS_URL", "account:token"),
        ("PUSH_HOSTS", "https://push.example"),
        ("PUSH_HOSTS", "push.example,*"),
        ("PUSH_KEY_FILE", "/nowhere/key.pem"),
    ],
)
def test_gateways_and_hosts_that_cannot_be(name: str, value: str) -> None:
    """Credentials go over HTTPS only; hosts are names; the value of a secret is not told."""
    with pytest.raises(SettingsError, match=f"TANDEM_{name}") as caught:
        load(Settings, {**GOOD, **SMS, f"TANDEM_{name}": value}, "worker")
    assert "account" not in str(caught.value).replace("<account>", "")


def test_a_worker_whose_keys_do_not_belong_together(tmp_path: Path) -> None:
    """It does not start, and tells the right public key."""
    public = write_key(tmp_path / "key.pem")
    push = {"TANDEM_PUSH_KEY_FILE": str(tmp_path / "key.pem")}
    right = load(Settings, {**GOOD, **push, "TANDEM_PUSH_PUBLIC_KEY": public}, "worker")
    assert carriers(right).codes is None
    wrong = load(Settings, {**GOOD, **push, "TANDEM_PUSH_PUBLIC_KEY": "another"}, "worker")
    with pytest.raises(BadKey, match=public):
        carriers(wrong)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, set()),
        ({"ENDPOINT"}, set()),
        ({"ACCESS_KEY"}, {"ENDPOINT", "SECRET_KEY"}),
        ({"ENDPOINT", "SECRET_KEY"}, {"ACCESS_KEY"}),
        ({"ENDPOINT", "ACCESS_KEY", "SECRET_KEY"}, set()),
    ],
)
def test_the_archive_is_given_whole_or_not_at_all(given: set[str], missing: set[str]) -> None:
    """Its address alone is that of the installation; a key needs all the rest, which is named."""
    some = {f"TANDEM_S3_{name}": "http://s3:80" for name in given}
    if missing:
        with pytest.raises(SettingsError) as caught:
            load(Settings, {**GOOD, **some}, "webhooks")
        assert set(re.findall(r"TANDEM_S3_(\w+) is missing", str(caught.value))) == missing
    else:
        archive = archive_of(load(Settings, {**GOOD, **some}, "webhooks"))
        assert (archive is not None) == (len(given) == 3)
