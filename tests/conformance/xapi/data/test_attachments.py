"""Attachments as statements describe them, and signatures (xAPI 1.0.3, part 2, sections 2.4.11 and
2.6)."""

import hashlib
import json
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.api_jws import PyJWS

from services.progress.domain.xapi.versions import Version
from tests.conformance.xapi.data.cases import (
    ATTACHMENT,
    BOTH,
    GONE,
    LEAST,
    Cases,
    Json,
    changed,
    each_requirement,
    requires,
)
from tests.conformance.xapi.data.conftest import Lrs

NO_IRI: list[Json] = [12345, {}, "x", "", "ab=c://x"]
NO_LANGUAGE_MAP: list[Json] = [12345, "x", [], {}, {"a12345": "x"}, {"en-US": 1}]
SHA2 = ATTACHMENT["sha2"]
SIGNATURE = "http://adlnet.gov/expapi/attachments/signature"


def with_each(name: str, *values: Json) -> list[Json]:
    """Attachments with each of the values."""
    return [changed(ATTACHMENT, (name,), value) for value in values]


ATTACHMENTS = [
    *requires(
        "XAPI-00102",
        "attachment",
        taken=with_each("length", 0, 27.0, 2**40),
        refused=with_each("length", GONE, "27", "x", -1, 1.5, True, {}),
    ),
    *requires(
        "XAPI-00103",
        "attachment",
        taken=with_each("sha2", SHA2.upper(), "a" * 56, "a" * 96, "a" * 128),
        refused=with_each("sha2", GONE, 12345, {}, "x", "", SHA2[1:], SHA2[:-1] + "g"),
    ),
    *requires(
        "XAPI-00104",
        "attachment",
        taken=with_each("fileUrl", GONE),
        refused=with_each("fileUrl", *NO_IRI),
    ),
    *requires(
        "XAPI-00105",
        "attachment",
        taken=with_each("contentType", "application/vnd.a+json", 'text/plain; charset="utf-8"'),
        refused=with_each("contentType", GONE, 12345, {}, "should fail", "text", "text/", "/plain"),
    ),
    *requires("XAPI-00106", "attachment", refused=with_each("display", GONE, *NO_LANGUAGE_MAP)),
    *requires("XAPI-00106", "attachment", refused=with_each("description", *NO_LANGUAGE_MAP)),
    *requires("XAPI-00107", "attachment", refused=with_each("usageType", GONE, *NO_IRI)),
]


@each_requirement(ATTACHMENTS)
def test_attachments(lrs: Lrs, cases: Cases) -> None:
    """An attachment's properties have their types, and all but two must be there."""
    assert cases.contradicted_by(lrs) == []


@cache
def key() -> rsa.RSAPrivateKey:
    """The signer's key."""
    return rsa.generate_private_key(65537, 2048)


def is_taken(lrs: Lrs, signature: bytes, version: Version, **changes: Json) -> bool:
    """Whether a statement with this signature is taken."""
    sha2 = hashlib.sha256(signature).hexdigest()
    attachment = {
        **ATTACHMENT,
        "usageType": SIGNATURE,
        "contentType": "application/octet-stream",
        "length": len(signature),
        "sha2": sha2,
        **changes,
    }
    del attachment["fileUrl"]
    return lrs.takes({**LEAST, "attachments": [attachment]}, version, {sha2: signature})


def signed(payload: bytes, algorithm: str = "RS256") -> bytes:
    """A signature in compact form."""
    secret = "s" * 64 if algorithm.startswith("HS") else key()
    return PyJWS().encode(payload, secret, algorithm).encode()


GOOD = json.dumps(LEAST).encode()


@pytest.mark.parametrize("version", BOTH)
def test_xapi_00115_a_signature_is_an_attachment(lrs: Lrs, version: Version) -> None:
    """XAPI-00115: a signature is data of application/octet-stream in the request."""
    assert is_taken(lrs, signed(GOOD), version)
    assert not is_taken(lrs, signed(GOOD), version, contentType="text/plain; charset=ascii")
    assert not is_taken(lrs, signed(GOOD), version, sha2="0" * 64)
    assert not is_taken(lrs, b"no signature", version)


@pytest.mark.parametrize("version", BOTH)
def test_xapi_00116_a_signature_is_of_the_statement(lrs: Lrs, version: Version) -> None:
    """XAPI-00116: what is signed is the statement, as JSON."""
    other = json.dumps({**LEAST, "result": {"success": True}}).encode()
    assert is_taken(lrs, signed(json.dumps(LEAST, indent=1).encode()), version)
    for payload in (GOOD[:-1], b"", b"null", other):
        assert not is_taken(lrs, signed(payload), version)


@pytest.mark.parametrize("version", BOTH)
def test_xapi_00117_a_signature_is_by_rsa(lrs: Lrs, version: Version) -> None:
    """XAPI-00117: the algorithms are RS256, RS384 and RS512."""
    assert all(is_taken(lrs, signed(GOOD, each), version) for each in ("RS256", "RS384", "RS512"))
    assert not is_taken(lrs, signed(GOOD, "HS256"), version)
    assert not is_taken(lrs, signed(GOOD, "PS256"), version)
