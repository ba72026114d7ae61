"""Who comes in: a replica has so many places for requests, and each caller a share of them.

A place is taken as a request comes, before its token is checked and before its body is read. Whose
it is, is known at once where the token was seen before. Until a token was checked its requests are
a stranger's, and all strangers have half of the places together: however many tokens somebody
makes up, callers who are known find room.

A request whose body has not come yet holds its place only as long as nobody else needs it
(chassis.edge.bodies).
"""

import threading
from collections import Counter
from types import TracebackType

from chassis.context.principal import Principal
from chassis.edge.bodies import Bodies, Body, End
from chassis.edge.statuses import Exhausted

# Requests in hand or waiting. More would wait until nobody wants their answers any more.
MOST_REQUESTS = 1_000
SERVICE = "service"
STRANGER = ""


class AdmissionControl:
    """The places of a replica."""

    def __init__(self, most: int, of_person: int, of_service: int) -> None:
        self._most, self._of_person, self._of_service = most, of_person, of_service
        self.bodies = Bodies()
        # A place that grpc drops is freed wherever Python frees memory, in here too.
        self._lock = threading.RLock()
        self._taken: Counter[str] = Counter()

    def take(self, principal: Principal | None) -> "Slot":
        """A place of a caller, None for a stranger; or what refuses the request."""
        with self._lock:
            refusal = self._occupy(principal)
            if self._taken.total() > self._most and not self.bodies.end_one():
                self._free(_key(principal))
                refusal = Exhausted(f"{self._most} requests are in hand here", "places")
        return Slot(self, refusal, principal)

    def move(self, principal: Principal) -> Exhausted | None:
        """A stranger's place becomes the caller's, who is known now; or what refuses that."""
        with self._lock:
            refusal = self._occupy(principal)
            if refusal is None:
                self._free(STRANGER)
        return refusal

    def free(self, principal: Principal | None) -> None:
        """A place is free again."""
        with self._lock:
            self._free(_key(principal))

    def taken(self) -> dict[str, int]:
        """How many each caller has, by its subject; strangers by an empty one."""
        with self._lock:
            return dict(self._taken)

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
        return self._of_service if SERVICE in principal.roles else self._of_person


class Slot:
    """One request's place: entered when it is handled, left at its end."""

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
        """Whether there was no room for it."""
        return self._refusal is not None

    def check(self) -> None:
        """Raise Exhausted where there was no room for it."""
        if self._refusal is not None:
            raise self._refusal

    def belongs_to(self, principal: Principal) -> None:
        """Its token was checked. Raises Exhausted where the caller has too many already."""
        if self._principal is not None:
            return
        refusal = self._admission.move(principal)
        if refusal is not None:
            raise refusal
        self._principal = principal

    def room(self, end: End, seconds: float) -> Body:
        """Room for the request's body, once there is some. Raises DeadlinePassed.

        `end` ends the reading when another needs the room or the place.
        """
        return self._admission.bodies.room(_key(self._principal), self._giving_up(end), seconds)

    def try_room(self, end: End) -> Body | None:
        """The same where there is room now."""
        return self._admission.bodies.try_room(_key(self._principal), self._giving_up(end))

    def queue_room(self, end: End, tell: End) -> Body:
        """A body that waits for room; `tell` is called when it has it. Who waits must `look`."""
        return self._admission.bodies.queue(_key(self._principal), self._giving_up(end), tell)

    def _giving_up(self, end: End) -> End:
        def give_up() -> None:
            self.leave()
            end()

        return give_up

    def leave(self) -> None:
        """Let another have it."""
        if self._held:
            self._held = False
            self._admission.free(self._principal)

    def __enter__(self) -> "Slot":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    def __del__(self) -> None:
        # A call that grpc drops before it has a thread is never entered.
        self.leave()


def _key(principal: Principal | None) -> str:
    return STRANGER if principal is None else principal.subject


def _too_many(principal: Principal | None, share: int) -> str:
    if principal is None:
        return f"{share} requests whose callers are not known yet are in hand here"
    return f"you have {share} requests in hand here; wait for one of them"
