"""Admission control: a replica has a number of slots for requests, and each caller has a share.

A request takes a slot when it arrives, before its token is checked and before its body is read. If
the replica saw the token before, the slot counts for its caller at once. Otherwise the request is
anonymous until the token is checked. All anonymous requests together have half of the slots: so
authenticated callers find a slot, however many tokens somebody invents.

A public page counts as one caller, whoever calls it. So a crowd of its callers leaves places to all
other requests.

A request whose body has not arrived loses its slot when another request needs it
(chassis.edge.bodies).
"""

import threading
from collections import Counter

from chassis.context.principal import Principal
from chassis.edge.bodies import Bodies, Body, End
from chassis.edge.statuses import Exhausted

# Requests that are handled or wait. More would wait for longer than their callers do.
MOST_REQUESTS = 1_000
SERVICE = "service"
# A system that authenticates itself, and is no service: it has the share of one, and no rights.
SYSTEM = "\0system"
ANONYMOUS = ""
# Requests for one public page; MOST_REQUESTS includes them.
MOST_OF_PAGE = 128
# No token has it.
_PAGE = "\0page"
_SYSTEMS = frozenset({SERVICE, SYSTEM})


def of_page(path: str) -> Principal:
    """Return the caller for whom the slots of a public page count."""
    return Principal(f"{_PAGE} {path}", frozenset({_PAGE}))


class AdmissionControl:
    """The slots of a replica."""

    def __init__(self, most: int, of_person: int, of_service: int) -> None:
        self._most, self._of_person, self._of_service = most, of_person, of_service
        self.bodies = Bodies()
        # grpc may drop a call: then Python frees its slot, even while this lock is held.
        self._lock = threading.RLock()
        self._taken: Counter[str] = Counter()

    def take(self, principal: Principal | None) -> "Slot":
        """Return a slot for a caller (None: anonymous), or one that refuses the request."""
        if self._needs_room(principal):
            # Without the lock: who ends a body holds the bodies' lock, and then needs this one.
            self.bodies.end_one()
        with self._lock:
            refusal = self._occupy(principal)
            if self._taken.total() > self._most:
                self._free(_key(principal))
                refusal = Exhausted(f"{self._most} requests are handled here now", "places")
        return Slot(self, refusal, principal)

    def move(self, principal: Principal) -> Exhausted | None:
        """Count an anonymous slot for its caller from now on; return why not, if that fails."""
        with self._lock:
            refusal = self._occupy(principal)
            if refusal is None:
                self._free(ANONYMOUS)
        return refusal

    def free(self, principal: Principal | None) -> None:
        """Free a slot of a caller."""
        with self._lock:
            self._free(_key(principal))

    def taken(self) -> dict[str, int]:
        """Return how many slots each caller holds, by its subject; anonymous ones by ""."""
        with self._lock:
            return dict(self._taken)

    def _needs_room(self, principal: Principal | None) -> bool:
        """Whether all slots are taken, and the caller has some of its share left."""
        with self._lock:
            is_full = self._taken.total() >= self._most
            return is_full and self._taken[_key(principal)] < self._share(principal)

    def _occupy(self, principal: Principal | None) -> Exhausted | None:
        key, share = _key(principal), self._share(principal)
        if self._taken[key] >= share:
            return Exhausted(_too_many(principal, share), "caller")
        self._taken[key] += 1
        return None

    def _free(self, key: str) -> None:
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]

    def _share(self, principal: Principal | None) -> int:
        if principal is None:
            return self._most // 2
        if _PAGE in principal.roles:
            return MOST_OF_PAGE
        return self._of_service if principal.roles & _SYSTEMS else self._of_person


class Slot:
    """The slot of one request. It is entered when the request is handled, and left at its end."""

    def __init__(
        self,
        admission: AdmissionControl,
        refusal: Exhausted | None,
        principal: Principal | None = None,
    ) -> None:
        self._admission, self._refusal, self._principal = admission, refusal, principal
        self._held = refusal is None

    @property
    def is_refused(self) -> bool:
        """Whether the request got no slot."""
        return self._refusal is not None

    def check(self) -> None:
        """Raise Exhausted if the request got no slot."""
        if self._refusal is not None:
            raise self._refusal

    def belongs_to(self, principal: Principal) -> None:
        """Count the slot for its authenticated caller. Raises Exhausted if that is one too many."""
        if self._principal is not None:
            return
        refusal = self._admission.move(principal)
        if refusal is not None:
            raise refusal
        self._principal = principal

    def room(self, end: End, seconds: float) -> Body:
        """Wait for room for the request's body, `seconds` at most. Raises DeadlinePassed.

        `end` is called when another request needs the room or the slot: it must stop the reading.
        """
        return self._admission.bodies.room(_key(self._principal), self._giving_up(end), seconds)

    def try_room(self, end: End) -> Body | None:
        """Return room for the body if there is some now, else None."""
        return self._admission.bodies.try_room(_key(self._principal), self._giving_up(end))

    def queue_room(self, end: End, tell: End) -> Body:
        """Queue for room; `tell` is called when there is some. Call `look` meanwhile."""
        return self._admission.bodies.queue(_key(self._principal), self._giving_up(end), tell)

    def _giving_up(self, end: End) -> End:
        def give_up() -> None:
            self.leave()
            end()

        return give_up

    def leave(self) -> None:
        """Free the slot."""
        if self._held:
            self._held = False
            self._admission.free(self._principal)

    def __enter__(self) -> "Slot":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def __del__(self) -> None:
        # grpc may drop a call before it has a thread; its slot is never entered.
        self.leave()


def _key(principal: Principal | None) -> str:
    return ANONYMOUS if principal is None else principal.subject


def _too_many(principal: Principal | None, share: int) -> str:
    if principal is None:
        return f"{share} requests without an authenticated caller are handled here now"
    if _PAGE in principal.roles:
        return f"{share} requests for this page are handled here now"
    return f"you have {share} requests here now; wait until one of them ends"
