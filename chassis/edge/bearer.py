"""Bearer tokens (RFC 6750) that are JWTs (RFC 7519), verified against a JWKS (RFC 7517).

Algorithms are a fixed list (RFC 8725, section 3.1) and bound to the key's type, so that neither
`none` nor a public key used as an HMAC secret can pass.
"""

import json
import threading
import time
import urllib.request
from collections.abc import Iterable, Mapping
from http.client import HTTPException
from typing import Any

import jwt
import structlog
from jwt.types import Options

from chassis.context.principal import Principal
from chassis.edge.admission import SERVICE
from chassis.edge.auth import Identity, Unauthenticated
from chassis.edge.person_map import PersonMap
from chassis.errors import Unavailable
from chassis.operations.settings import NO_FILE, Settings

ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
SMALLEST_RSA = 2048  # bits (RFC 7518, section 3.3)
# Seconds. The identity provider's clock is a stranger's: it may differ from ours by a minute.
LEEWAY = 60.0
# Tokens with unknown keys make us ask the provider again, but at most this often.
REFETCH_PAUSE = 10.0
# After this time we no longer trust a key that the provider has withdrawn.
REFRESH = 300.0
FETCH_TIMEOUT = 5.0
LARGEST_JWKS = 1024 * 1024
LARGEST_CACHE = 10_000

log = structlog.get_logger()


class Keys:
    """The public keys of the identity provider. They are fetched when needed and kept current."""

    def __init__(self, url: str, refetch_pause: float = REFETCH_PAUSE) -> None:
        self._url = url
        self._pause = refetch_pause
        self._lock = threading.Lock()
        self._raw: list[Any] = []
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._tried = self._fetched = -float("inf")
        self._could_read = False
        self.generation = 0
        """Grows when the keys change: then each token must be verified again."""

    def get(self, kid: str) -> jwt.PyJWK | None:
        """Return the key with this id. Asks the provider if the id is unknown or the keys are old.

        Raises Unavailable if the provider may have the key but does not answer now.
        """
        up_to_date = self.refresh(kid not in self._keys)
        key = self._keys.get(kid)
        if key is None and not up_to_date:
            raise Unavailable("the identity provider's keys can't be read now; try again")
        return key

    def refresh(self, wanted: bool = False) -> bool:
        """Fetch the keys when they are old, or `wanted` and not just asked for.

        Answers whether what is known is what the provider said last. While one caller fetches, none
        waits for it: a provider that hangs would hold all threads.
        """
        age = time.monotonic() - self._fetched
        if not wanted and age < REFRESH:
            return True
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._fetch_unless_tried()
            return self._could_read
        finally:
            self._lock.release()

    def _fetch_unless_tried(self) -> None:
        if time.monotonic() - self._tried < self._pause:
            return
        try:
            raw = fetch(self._url)
        except (OSError, HTTPException, ValueError) as error:
            self._could_read = False
            log.warning("the identity provider's keys can't be read", url=self._url, why=str(error))
        else:
            self._could_read, self._fetched = True, time.monotonic()
            # Compare whole keys: a provider may replace a key and keep its id.
            if raw != self._raw:
                self._raw, self._keys = raw, usable(raw)
                self.generation += 1
        finally:
            self._tried = time.monotonic()


def fetch(url: str) -> list[Any]:
    """Return the keys of a JWKS unchanged. Raises OSError, HTTPException, ValueError."""
    with urllib.request.urlopen(url, timeout=FETCH_TIMEOUT) as answer:  # noqa: S310 (see settings)
        document = json.loads(answer.read(LARGEST_JWKS))
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("no JWK set: it needs a list `keys`")  # noqa: TRY004 (of a text)
    return list(document["keys"])


def usable(raw: Iterable[Any]) -> dict[str, jwt.PyJWK]:
    """Return the keys that may verify signatures, by their ids."""
    found = [key for each in raw if (key := _usable(each))]
    return {str(key.key_id): key for key in found}


def _usable(raw: Any) -> jwt.PyJWK | None:
    """Return the key if it may verify signatures; None for a wrong use, type, size, or no id."""
    if not isinstance(raw, dict) or raw.get("use", "sig") != "sig" or not raw.get("kid"):
        return None
    algorithm = ALGORITHMS.get(raw.get("kty", ""))
    if algorithm is None or raw.get("alg", algorithm) != algorithm:
        return None
    if raw.get("kty") == "EC" and raw.get("crv") != "P-256":
        return None
    try:
        key = jwt.PyJWK(raw, algorithm)
    except jwt.PyJWTError:
        return None
    too_small = raw["kty"] == "RSA" and key.key.key_size < SMALLEST_RSA
    return None if too_small else key


class BearerTokens:
    """The scheme `Bearer`: authenticates by JWTs."""

    def __init__(
        self,
        keys: Keys,
        issuer: str,
        audience: str,
        person: str = "sub",
        roles: str = "roles",
        people: PersonMap | None = None,
    ) -> None:
        """`person` and `roles` name the claims; `people` maps the person's claim to an id."""
        self._keys, self._issuer, self._audience = keys, issuer, audience
        self._person, self._roles, self._people = person, roles, people
        # A caller sends the same token many times: check its signature once.
        self._known: dict[str, Identity] = {}
        self._generation = self._generations()

    def authenticate(self, token: str) -> Identity:
        """Return the caller. Raises Unauthenticated, and Unavailable if keys can't be read now."""
        self._keys.refresh()
        if self._people is not None:
            self._people.refresh()
        self._forget_when_changed()
        known = self._known.get(token)
        if known is not None and time.time() < known.until:
            return known
        found = self._verify(token)
        if len(self._known) >= LARGEST_CACHE:
            self._known.clear()
        self._known[token] = found
        return found

    def known(self, token: str) -> Identity | None:
        """Return who sent this token before, even if it has expired since; else None."""
        return self._known.get(token)

    def valid_now(self, _: str) -> Identity | None:
        """Return None: the provider's keys may have to be asked for first."""
        return None

    def _forget_when_changed(self) -> None:
        if self._generation != (generation := self._generations()):
            self._generation = generation
            self._known.clear()

    def _generations(self) -> tuple[int, int]:
        return self._keys.generation, self._people.generation if self._people else 0

    def _verify(self, token: str) -> Identity:
        try:
            kid = jwt.get_unverified_header(token).get("kid", "")
            key = self._keys.get(kid)
            if key is None:
                raise Unauthenticated("the token is not signed by a key of the identity provider")
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options=_REQUIRED,
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"the token is not valid: {error}") from error
        return Identity(self._principal(claims), float(claims["exp"]) + LEEWAY)

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        person, roles = _claim(claims, self._person, ""), _claim(claims, self._roles, [])
        if not isinstance(person, str) or not person:
            raise Unauthenticated(f"the token's `{self._person}` must be a person's id")
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise Unauthenticated(f"the token's `{self._roles}` must be a list of names")
        # A system is not a person: its name needs no mapping.
        subject = person if SERVICE in roles else self._person_of(person)
        return Principal(subject, frozenset(roles))

    def _person_of(self, claim: str) -> str:
        if self._people is None:
            return claim
        person = self._people.get(claim)
        if person is None:
            raise Unauthenticated(f"nobody on the platform is known by this `{self._person}`")
        return person


_REQUIRED: Options = {"require": ["exp", "iss", "aud", "sub"]}


def _claim(claims: Mapping[str, Any], name: str, missing: Any) -> Any:
    """Return a claim by its name, else by a dotted path into nested claims, else `missing`.

    The whole name comes first because providers name claims by URL (RFC 7519, section 4.2).
    """
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part, missing) if isinstance(found, dict) else missing
    return found


def bearer_tokens(settings: Settings) -> BearerTokens:
    """Return the scheme for these settings. Fetches the keys, so that no caller waits for them.

    Raises SettingsError if the file of people can't be read.
    """
    keys = Keys(settings.jwks_url)
    keys.refresh(wanted=True)
    mapped = settings.person_map_file != NO_FILE
    return BearerTokens(
        keys,
        settings.token_issuer,
        settings.token_audience,
        settings.person_claim,
        settings.roles_claim,
        PersonMap(settings.person_map_file) if mapped else None,
    )
