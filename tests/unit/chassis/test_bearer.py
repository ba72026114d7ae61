"""Tokens: which are believed, and which are not."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from chassis.context.principal import Principal
from chassis.edge import bearer
from chassis.edge.auth import Authenticator, Unauthenticated
from chassis.edge.bearer import BearerTokens, Keys, bearer_tokens
from chassis.errors import Unavailable
from chassis.operations.settings import Settings
from chassis.testing import AUDIENCE, ISSUER, Issuer, settings_for

RSA_2048 = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def believing(*given: Any, **named: Any) -> Authenticator:
    return Authenticator({"bearer": BearerTokens(*given, **named)})


def by_settings(settings: Settings) -> Authenticator:
    return Authenticator({"bearer": bearer_tokens(settings)})


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    return tmp_path / "jwks.json"


@pytest.fixture
def trusting(issuer: Issuer, jwks: Path) -> Authenticator:
    """Believes `issuer`."""
    return believing(Keys(issuer.write_jwks(jwks), refetch_pause=0), ISSUER, AUDIENCE)


def claims(**more: Any) -> dict[str, Any]:
    whole = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "roles": ["learner"],
        "exp": datetime.now(UTC) + timedelta(hours=1),
        **more,
    }
    return {key: value for key, value in whole.items() if value is not None}


def signed(key: Any, algorithm: str, kid: str = "test", **more: Any) -> str:
    return jwt.encode(claims(**more), key, algorithm, headers={"kid": kid})


def assert_refused(trusting: Authenticator, token: str) -> None:
    with pytest.raises(Unauthenticated):
        trusting.authenticate(f"Bearer {token}")


def test_a_good_token_tells_the_caller(trusting: Authenticator, issuer: Issuer) -> None:
    """Subject and roles come from the token, the first time and from the cache."""
    value = f"Bearer {issuer.token('ada', ['learner', 'instructor'])}"
    for _ in range(2):
        principal, until = trusting.authenticate(value)
        assert principal == Principal("ada", frozenset({"learner", "instructor"}))
        assert until > datetime.now(UTC).timestamp()


def test_a_token_without_roles_has_none(trusting: Authenticator, issuer: Issuer) -> None:
    """A person whose token names no role may still call about themselves."""
    token = signed(issuer.key, "ES256", roles=None)
    assert trusting.authenticate(f"bearer {token}")[0] == Principal("ada", frozenset())


@pytest.mark.parametrize(
    ("person", "roles", "more"),
    [
        ("uni_id", "groups", {"uni_id": "p-1", "groups": ["learner"]}),
        ("uni.id", "a.b", {"uni": {"id": "p-1"}, "a": {"b": ["learner"]}}),
        ("urn:x.id", "urn:x.a", {"urn:x.id": "p-1", "urn:x.a": ["learner"]}),
        ("uni.id", "roles", {"uni.id": "p-1", "uni": {"id": "p-2"}}),
    ],
)
def test_which_claims_tell_it_is_set(
    issuer: Issuer, jwks: Path, person: str, roles: str, more: dict[str, Any]
) -> None:
    """A provider has the person and the roles in claims of its own, by name or within another."""
    trusting = by_settings(
        settings_for(issuer.write_jwks(jwks), person_claim=person, roles_claim=roles)
    )
    token = signed(issuer.key, "ES256", **more)
    assert trusting.authenticate(f"Bearer {token}")[0] == Principal("p-1", frozenset({"learner"}))


@pytest.mark.parametrize("more", [{}, {"uni": "p-1"}, {"uni": {"id": ""}}, {"uni": {"id": ["p"]}}])
def test_a_token_without_the_claim_that_was_set_is_refused(
    issuer: Issuer, jwks: Path, more: dict[str, Any]
) -> None:
    """`sub` does not stand in for it: it may be another person's id here."""
    trusting = by_settings(settings_for(issuer.write_jwks(jwks), person_claim="uni.id"))
    with pytest.raises(Unauthenticated, match=r"`uni\.id` must be a person's id"):
        trusting.authenticate(f"Bearer {signed(issuer.key, 'ES256', **more)}")


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "Bearer a.b.c"]
)
def test_what_is_no_token_is_refused(trusting: Authenticator, value: str) -> None:
    """Anything but a bearer JWT proves nobody."""
    with pytest.raises(Unauthenticated):
        trusting.authenticate(value)


@pytest.mark.parametrize(
    ("claim", "seconds", "holds"),
    [("exp", -5, True), ("exp", -75, False), ("nbf", 45, True), ("nbf", 600, False)],
)
def test_the_providers_clock_may_differ_by_a_minute(
    trusting: Authenticator, issuer: Issuer, claim: str, seconds: float, holds: bool
) -> None:
    """A token that has just expired, or is valid in a moment, is taken; others are not."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    more: dict[str, Any] = {claim: moment}
    token = signed(issuer.key, "ES256", **more)
    if holds:
        assert trusting.authenticate(f"Bearer {token}")[0].subject == "ada"
    else:
        assert_refused(trusting, token)


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": datetime(2020, 1, 1, tzinfo=UTC)},
        {"nbf": datetime(2100, 1, 1, tzinfo=UTC)},
        {"exp": None},
        {"iss": "https://else.invalid"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"roles": "registrar"},
        {"roles": [1]},
    ],
    # Two processes that share the tests must name them alike: no times.
    ids=lambda wrong: "-".join(wrong),
)
def test_a_wrong_or_missing_claim_is_refused(
    trusting: Authenticator, issuer: Issuer, wrong: dict[str, Any]
) -> None:
    """Issuer, audience, subject and expiry are needed and checked; roles are a list of names."""
    assert_refused(trusting, signed(issuer.key, "ES256", **wrong))


def test_roles_that_are_null_are_refused(trusting: Authenticator, issuer: Issuer) -> None:
    """Null is no list; a token without roles has no such claim."""
    token = jwt.encode({**claims(), "roles": None}, issuer.key, "ES256", headers={"kid": "test"})
    assert_refused(trusting, token)


def test_an_unsigned_token_is_refused(trusting: Authenticator) -> None:
    """`alg: none` (RFC 8725, section 2.1) authenticates nobody."""
    assert_refused(trusting, jwt.encode(claims(), "", "none", headers={"kid": "test"}))


def test_the_public_key_is_no_secret(trusting: Authenticator, issuer: Issuer) -> None:
    """A token signed by HMAC with the public key as its secret is refused (RFC 8725, 2.1)."""
    public = issuer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "kid": "test", "typ": "JWT"}
    parts = [
        jwt.utils.base64url_encode(json.dumps(part).encode())
        for part in (header, {**claims(), "exp": 4102444800})
    ]
    signing = b".".join(parts)
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    raw = jwt.utils.base64url_encode(signature.sign(signing, public))
    assert_refused(trusting, (signing + b"." + raw).decode())


def test_another_key_under_a_known_id_is_refused(trusting: Authenticator) -> None:
    """The id of a key is no proof: the signature must fit."""
    assert_refused(trusting, signed(ec.generate_private_key(ec.SECP256R1()), "ES256"))


def test_a_changed_token_is_refused(trusting: Authenticator, issuer: Issuer) -> None:
    """A token whose claims were changed after its signing is refused, even if it was known."""
    token = issuer.token("ada", ["learner"])
    trusting.authenticate(f"Bearer {token}")
    head, _, tail = token.split(".")
    forged = issuer.token("ada", ["registrar"]).split(".")[1]
    assert_refused(trusting, f"{head}.{forged}.{tail}")


def test_rsa_keys_work(jwks: Path) -> None:
    """RS256 tokens are believed, as most identity providers sign so."""
    public = RSAAlgorithm.to_jwk(RSA_2048.public_key(), as_dict=True)
    jwks.write_text(json.dumps({"keys": [{**public, "kid": "r", "use": "sig"}]}))
    trusting = believing(Keys(jwks.as_uri()), ISSUER, AUDIENCE)
    assert trusting.authenticate(f"Bearer {signed(RSA_2048, 'RS256', 'r')}")[0].subject == "ada"
    assert_refused(trusting, signed(RSA_2048, "RS384", "r"))


def _small_rsa() -> tuple[Any, dict[str, Any], str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    return key, RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "RS256"


def _other_curve() -> tuple[Any, dict[str, Any], str]:
    key = ec.generate_private_key(ec.SECP384R1())
    return key, ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "ES384"


def _secret() -> tuple[Any, dict[str, Any], str]:
    return b"s" * 32, {"kty": "oct", "k": jwt.utils.base64url_encode(b"s" * 32).decode()}, "HS256"


def _for_encryption() -> tuple[Any, dict[str, Any], str]:
    public = RSAAlgorithm.to_jwk(RSA_2048.public_key(), as_dict=True)
    return RSA_2048, {**public, "use": "enc"}, "RS256"


@pytest.mark.parametrize("make", [_small_rsa, _other_curve, _secret, _for_encryption])
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_an_unfit_key_is_not_used(
    jwks: Path, make: Callable[[], tuple[Any, dict[str, Any], str]]
) -> None:
    """Small, symmetric, foreign-curve and encryption keys of a set verify nothing."""
    key, public, algorithm = make()
    jwks.write_text(json.dumps({"keys": [{**public, "kid": "k"}, "noise", {"kty": "RSA"}]}))
    trusting = believing(Keys(jwks.as_uri()), ISSUER, AUDIENCE)
    assert_refused(trusting, signed(key, algorithm, "k"))


def test_a_rotated_key_is_found(trusting: Authenticator, jwks: Path) -> None:
    """A token with an unknown key id makes the keys be read again; the old ones are out then."""
    before = Issuer("test")
    after = Issuer("next")
    before.write_jwks(jwks)
    value = f"Bearer {before.token('ada')}"
    assert trusting.authenticate(value)
    after.write_jwks(jwks)
    assert trusting.authenticate(f"Bearer {after.token('eve')}")[0].subject == "eve"
    assert_refused(trusting, value.removeprefix("Bearer "))


def test_unknown_keys_do_not_flood_the_provider(issuer: Issuer, jwks: Path) -> None:
    """With any number of tokens with unknown keys, the provider is asked once in a pause."""
    keys = Keys(issuer.write_jwks(jwks), refetch_pause=3600)
    assert keys.get("test") is not None
    Issuer("later").write_jwks(jwks)
    assert [keys.get("later") for _ in range(100)] == [None] * 100


def test_a_key_replaced_under_its_id_is_found(issuer: Issuer, jwks: Path) -> None:
    """A new key under an old id is the one that counts, and tokens of the old one are out."""
    keys = Keys(issuer.write_jwks(jwks), refetch_pause=0)
    trusting = believing(keys, ISSUER, AUDIENCE)
    assert trusting.authenticate(f"Bearer {issuer.token('ada')}")
    after = Issuer(issuer.kid)
    after.write_jwks(jwks)
    assert keys.refresh(wanted=True)
    assert trusting.authenticate(f"Bearer {after.token('eve')}")[0].subject == "eve"
    assert_refused(trusting, issuer.token("ada"))


def test_a_provider_that_fails_leaves_the_known_keys(issuer: Issuer, jwks: Path) -> None:
    """After an unreadable key set the known keys stay valid, and other keys stay unknown."""
    keys = Keys(issuer.write_jwks(jwks), refetch_pause=0)
    assert keys.get("test") is not None
    for broken in ("", "[]", "{}", '{"keys": 7}', "\x00", None):
        if broken is None:
            jwks.unlink()
        else:
            jwks.write_text(broken)
        with pytest.raises(Unavailable):
            keys.get("unknown")
        assert keys.get("test") is not None


def test_a_provider_that_is_away_makes_no_token_bad(jwks: Path, issuer: Issuer) -> None:
    """Without any key set nobody can judge the token: the caller tries again with it."""
    keys = Keys(jwks.as_uri(), refetch_pause=3600)
    trusting = believing(keys, ISSUER, AUDIENCE)
    value = f"Bearer {issuer.token('ada')}"
    for _ in range(3):  # asked in vain, and not asked again
        with pytest.raises(Unavailable):
            trusting.authenticate(value)
    issuer.write_jwks(jwks)
    trusting = believing(Keys(jwks.as_uri()), ISSUER, AUDIENCE)
    assert trusting.authenticate(value)


def test_who_comes_while_keys_are_fetched_does_not_wait(
    issuer: Issuer, jwks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one caller waits for the provider, others go on with what is known, or try again."""
    keys = Keys(issuer.write_jwks(jwks), refetch_pause=0)
    assert keys.get("test")
    asked, answered, fetched = threading.Event(), threading.Event(), bearer.fetch

    def slow(url: str) -> list[Any]:
        asked.set()
        assert answered.wait(60)
        return fetched(url)

    monkeypatch.setattr(bearer, "fetch", slow)
    Issuer("next").write_jwks(jwks)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(keys.get, "next")
        assert asked.wait(60)
        assert keys.get("test")
        with pytest.raises(Unavailable):
            keys.get("next")
        answered.set()
        assert first.result()
