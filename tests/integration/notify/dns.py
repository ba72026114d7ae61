"""A key of DKIM, and what the DNS answers of it."""

import base64
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def write_key(file: Path, key: rsa.RSAPrivateKey) -> Path:
    """Write a key as an operator does; answers the file."""
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


def answer_of_dns(name: bytes, **_: object) -> bytes:
    """The record with the public key (RFC 6376, section 3.6.1)."""
    assert name == b"s1._domainkey.university.example."
    public = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
