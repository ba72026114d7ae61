"""Signed statements (xAPI 1.0.3, part 2, section 2.6; IEEE 9274.1.1, section 4.2.6).

A signature shows that a statement is what its sender signed. The LRS checks that it is well formed,
and does not trust the certificate in it: "not as a security measure" (section 2.6).
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_der_x509_certificate
from jwt import PyJWTError
from jwt.api_jws import PyJWS

from chassis.errors import FieldViolation, Invalid
from services.progress.domain.xapi.equality import same
from services.progress.domain.xapi.parsing import parse_json
from services.progress.domain.xapi.validation import violations_of
from services.progress.domain.xapi.versions import Version

SIGNATURE = "http://adlnet.gov/expapi/attachments/signature"
CONTENT_TYPE = "application/octet-stream"
ALGORITHMS = ("RS256", "RS384", "RS512")
_RIGHT = "a JSON web signature in compact form (RFC 7515) of this statement"


def signature_violations(
    statement: Mapping[str, Any], data: Mapping[str, bytes], version: Version
) -> list[FieldViolation]:
    """Return the faults of a valid statement's signatures; none if it has no signature.

    `data` has the contents of the request's attachments, by their SHA-2 hash in small letters.
    """
    return [
        FieldViolation(f"attachments[{index}].{field}", wrong, right)
        for index, attachment in enumerate(statement.get("attachments", ()))
        if attachment["usageType"] == SIGNATURE
        for field, wrong, right in _faults(statement, attachment, data, version)
    ]


def _faults(
    statement: Mapping[str, Any],
    attachment: Mapping[str, Any],
    data: Mapping[str, bytes],
    version: Version,
) -> Iterator[tuple[str, str, str]]:
    if attachment["contentType"] != CONTENT_TYPE:
        yield "contentType", "is not that of a signature", CONTENT_TYPE
    signature = data.get(attachment["sha2"].lower())
    if signature is None:
        yield "sha2", "is the hash of nothing in this request", "the signature as an attachment"
    elif fault := _fault(statement, signature, version):
        yield "sha2", f"is of a signature that {fault}", _RIGHT


def _fault(statement: Mapping[str, Any], signature: bytes, version: Version) -> str:
    try:
        decoded = PyJWS().decode_complete(signature, options={"verify_signature": False})
    except PyJWTError as error:
        return f"can't be decoded: {error}"
    header, payload = decoded["header"], decoded["payload"]
    if header.get("alg") not in ALGORITHMS:
        return f"uses none of {', '.join(ALGORITHMS)}"
    return _fault_of_payload(statement, payload, version) or _fault_of_certificate(
        signature, header
    )


def _fault_of_payload(statement: Mapping[str, Any], payload: bytes, version: Version) -> str:
    try:
        signed = parse_json(payload, "payload")
    except Invalid as error:
        return f"signs no statement: {error}"
    if violations_of(signed, version):
        return "signs no valid statement"
    return "" if same(signed, statement) else "signs another statement"


def _fault_of_certificate(signature: bytes, header: Mapping[str, Any]) -> str:
    """Only where the header names one (x5c, RFC 7515, section 4.1.6): the first is the signer's."""
    if "x5c" not in header:
        return ""
    try:
        certificate = load_der_x509_certificate(base64.b64decode(header["x5c"][0], validate=True))
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            return "has a certificate of no RSA key"
        PyJWS().decode_complete(signature, key, list(ALGORITHMS))
    except (ValueError, TypeError, LookupError, UnsupportedAlgorithm):
        return "has a certificate that can't be read"
    except PyJWTError:
        return "its certificate's key has not made"
    return ""
