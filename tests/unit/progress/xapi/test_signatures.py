"""Signatures of statements."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from jwt.api_jws import PyJWS

from services.progress.domain.xapi.validation import violations_of
from services.progress.domain.xapi.versions import Version
from services.progress.xapi.signatures import CONTENT_TYPE, SIGNATURE, signature_violations
from tests.unit.progress.xapi.examples import ATTACHMENT, SMALL, WHOLE, Json

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
BARE = {name: value for name, value in WHOLE.items() if name != "attachments"}


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """One of some keys."""
    return rsa.generate_private_key(65537, 2048)


def certificate(key: Key) -> str:
    """A certificate that the key has signed itself, as x5c has it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ana")])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, at, at + timedelta(days=1))
    ).sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(Encoding.DER)).decode()


def signed(payload: bytes, algorithm: str = "RS256", **header: Json) -> bytes:
    """The signature of a payload."""
    key = "s" * 64 if algorithm.startswith("HS") else rsa_key()
    return PyJWS().encode(payload, key, algorithm, headers=header).encode()


def faults(signature: bytes, statement: Json = BARE, **changes: Json) -> list[str]:
    """What is wrong with a statement that has this signature."""
    attachment = {
        **ATTACHMENT,
        "usageType": SIGNATURE,
        "contentType": CONTENT_TYPE,
        "length": len(signature),
        "sha2": hashlib.sha256(signature).hexdigest().upper(),
        **changes,
    }
    whole: dict[str, Any] = {**statement, "attachments": [ATTACHMENT, attachment]}
    data = {hashlib.sha256(signature).hexdigest(): signature}
    assert violations_of(whole, Version.V1_0_3) == []
    return [str(each) for each in signature_violations(whole, data, Version.V1_0_3)]


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_a_signature_by_rsa_is_well_formed(algorithm: str) -> None:
    """Each algorithm of the specification is accepted, with a certificate and without."""
    payload = json.dumps(BARE).encode()
    assert faults(signed(payload, algorithm)) == []
    assert faults(signed(payload, algorithm, x5c=[certificate(rsa_key())])) == []


def test_the_signed_statement_may_lack_what_the_lrs_sets() -> None:
    """The statement before it was sent is the same one."""
    sent = {name: value for name, value in BARE.items() if name not in ("stored", "authority")}
    assert faults(signed(json.dumps(sent, indent=2).encode())) == []


@pytest.mark.parametrize(
    ("payload", "algorithm", "header", "told"),
    [
        (BARE, "HS256", {}, "uses none of RS256"),
        ({}, "RS256", {}, "signs no valid statement"),
        (SMALL, "RS256", {}, "signs another statement"),
        (BARE, "RS256", {"x5c": ["!"]}, "certificate that can't be read"),
        (BARE, "RS256", {"x5c": []}, "certificate that can't be read"),
        (BARE, "RS256", {"x5c": [7]}, "certificate that can't be read"),
        (BARE, "RS256", {"x5c": 7}, "certificate that can't be read"),
    ],
)
def test_a_malformed_signature_is_refused(
    payload: Json, algorithm: str, header: Json, told: str
) -> None:
    """Other algorithms, payloads and certificates are refused, and the fault is told."""
    [fault] = faults(signed(json.dumps(payload).encode(), algorithm, **header))
    assert told in fault
    assert fault.startswith("attachments[1].sha2")


def test_what_is_no_signature_is_refused() -> None:
    """Bytes that are no signature, and a signature of what is no JSON, are refused."""
    assert "can't be decoded" in faults(b"")[0]
    assert "can't be decoded" in faults(b"a.b.c")[0]
    assert "signs no statement" in faults(signed(b"{"))[0]


def test_the_certificate_must_fit_the_signature() -> None:
    """A certificate of another key, or of no RSA key, is refused."""
    payload = json.dumps(BARE).encode()
    other, elliptic = rsa_key(1), ec.generate_private_key(ec.SECP256R1())
    assert "has not made" in faults(signed(payload, x5c=[certificate(other)]))[0]
    assert "no RSA key" in faults(signed(payload, x5c=[certificate(elliptic)]))[0]


def test_content_type_and_data_are_needed() -> None:
    """A signature of another content type, or without data in the request, is refused."""
    good = signed(json.dumps(BARE).encode())
    assert "contentType" in faults(good, contentType="text/plain")[0]
    assert "hash of nothing" in faults(good, sha2="0" * 64)[0]


@given(st.binary())
def test_any_bytes_are_refused(signature: bytes) -> None:
    """No bytes raise."""
    assert faults(signature)
