"""Notifications are encrypted and signed as the RFCs say, and go where they may."""

import os
import stat
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from chassis.capabilities import encoded
from services.notify.domain.devices import (
    PushEndpoint,
    PushHosts,
    RegisterDevice,
    decoded,
    is_point,
    violations_of,
)
from services.notify.webpush import BadKey, Vapid, encrypted, vapid, write_key

HOSTS = PushHosts(("push.example", ".notify.example", "127.0.0.1"))
# RFC 8291, section 5 and appendix A.
BROWSER = PushEndpoint(
    "https://push.example/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "BTBZMqHH6r4Tts7J_aSIgg",
)
SALT, SENDERS_KEY = "DGv6ra1nlYgDCS1FRnbzlw", "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
MESSAGE = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6T"
    "lzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4"
    "a-fN"
)


def test_the_example_of_the_rfc() -> None:
    """The key, the salt and the text of RFC 8291 give its message, byte for byte."""
    key = ec.derive_private_key(int.from_bytes(decoded(SENDERS_KEY)), ec.SECP256R1())
    text = b"When I grow up, I want to be a watermelon"
    assert encoded(encrypted(text, BROWSER, key, decoded(SALT))) == MESSAGE


def test_each_message_has_a_key_and_a_salt_of_its_own() -> None:
    """The same text is never the same bytes."""
    assert encrypted(b"x", BROWSER)[:86] != encrypted(b"x", BROWSER)[:86]


def test_the_token_of_vapid(tmp_path: Path) -> None:
    """The token is for the push service alone, holds for half a day, and is signed by the key whose
    public half the browser has; its file is its owner's, and never written over.
    """
    file = tmp_path / "key.pem"
    public = write_key(file)
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    with pytest.raises(FileExistsError):
        write_key(file)
    signer = vapid(file, "tandem@university.example")
    assert signer.public_key == public
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(public))
    token = signer.token("https://push.example", 1_000_000)
    told = jwt.decode(
        token, key, ["ES256"], audience="https://push.example", options={"verify_exp": False}
    )
    assert told == {
        "aud": "https://push.example",
        "exp": 1_000_000 + 12 * 3600,
        "sub": "mailto:tandem@university.example",
    }


@pytest.mark.parametrize("content", ["", "no key", "P-384"])
def test_a_file_without_a_key_stops_the_start(tmp_path: Path, content: str) -> None:
    """A file that is missing, holds something else, or a key on another curve."""
    file = tmp_path / "key.pem"
    if content == "P-384":
        write_key(file)
        from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

        key = ec.generate_private_key(ec.SECP384R1())
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    elif content:
        file.write_text(content)
    with pytest.raises(BadKey):
        vapid(file, "tandem@university.example")


@given(st.integers(1, 2**255))
def test_each_public_key_is_a_point(number: int) -> None:
    """Every key that a browser can have is taken; one that was changed is not, nor is another
    length.
    """
    key = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert is_point(point)
    assert decoded(encoded(point)) == point
    assert not is_point(point[:-1] + bytes([point[-1] ^ 1]))
    assert not is_point(point + b"\0")
    assert not is_point(key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://push.example/abc",
        "https://push.example:443/abc?d=e",
        "https://wns2.notify.example/w/?token=a%2fb",
        "http://127.0.0.1:8080/abc",
    ],
)
def test_endpoints_of_allowed_hosts(endpoint: str) -> None:
    """Hosts as they are listed, and those below a name with a dot; plain HTTP to this machine."""
    assert HOSTS.allow(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "push.example",
        "//push.example/abc",
        "http://push.example/abc",
        "ftp://push.example/abc",
        "file:///etc/passwd",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/abc",
        "http://[::1]/abc",
        "https://10.0.0.1/abc",
        "https://evil.example/push.example",
        "https://push.example.evil.example/",
        "https://notpush.example/",
        "https://notify.example/",
        "https://evilnotify.example/",
        "https://push.example@evil.example/",
        "https://evil.example#@push.example/",
        "https://user:secret@push.example/",
        "https://push.example/#part",
        "https://push.example:8443/",
        "https://push.example:0/",
        "https://push.example:99999/",
        "https://push.example:port/",
        "https://[push.example/",
        "https://push.example\\@evil.example/",
        "https://push.example/a b",
        "https://push.example/\r\nHost: evil.example",
        "https://püsh.example/",
    ],
)
def test_endpoints_of_strangers(endpoint: str) -> None:
    """No other host or port, no address inside of the network, and no URL that two programs could
    read differently.
    """
    assert not HOSTS.allow(endpoint)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_what_strangers_register(endpoint: str, p256dh: str, auth: str) -> None:
    """Whatever is registered, each of the three fields that is wrong is told, and nothing fails."""
    wanted = RegisterDevice("ada", push=PushEndpoint(endpoint, p256dh, auth))
    fields = [each.field for each in violations_of(wanted, HOSTS, ["+"])]
    assert fields[:2] == ["push.endpoint", "push.p256dh"]
    assert ("push.auth" in fields) == (len(decoded(auth)) != 16)


def test_a_browser_or_a_number() -> None:
    """One of both is registered; a number of a country that is allowed."""
    both = RegisterDevice("ada", push=BROWSER, phone_number="+353851234567")
    for wanted in (both, RegisterDevice("ada")):
        assert [each.field for each in violations_of(wanted, HOSTS, ["+"])] == ["push"]
    number = RegisterDevice("ada", phone_number="+353851234567")
    assert violations_of(number, HOSTS, ["+44", "+353"]) == []
    assert [each.field for each in violations_of(number, HOSTS, ["+44"])] == ["phone_number"]


def test_a_signer_of_one_key_has_one_public_key() -> None:
    """It is the point in base64url, as `applicationServerKey` takes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    assert is_point(decoded(Vapid(key, "mailto:a@b.example").public_key))
