"""The steps of every request, by gRPC or HTTP.

In this order: request id, trace, metrics and log (chassis.edge.exchange), a slot (admission),
authentication, the body, deadline, access, field rules, the service's code. An exception becomes a
status. An adapter calls these steps, and translates between them and its protocol.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from google.protobuf.message import Message
from pymongo.errors import PyMongoError

from chassis.context import deadline
from chassis.context.principal import Principal, acting_as
from chassis.edge.admission import AdmissionControl, Slot
from chassis.edge.auth import Authenticator, Identity, Scheme
from chassis.edge.bodies import Body
from chassis.edge.executor import BoundedExecutor
from chassis.edge.methods import Method
from chassis.edge.statuses import AWAY, DatabaseAway, DeadlinePassed

# The deadline of a request whose caller sets none. No request lasts longer than this.
LONGEST_REQUEST = 30.0
# In bytes; gRPC's default.
LARGEST_REQUEST = 4 * 1024 * 1024
# In bytes. A larger body keeps its room until the answer: parsed, it takes several times as much.
SMALL_BODY = 64 * 1024

T = TypeVar("T")


class Pipeline:
    """The steps from a request's headers to its answer."""

    def __init__(
        self,
        authenticator: Authenticator,
        admission: AdmissionControl,
        executor: BoundedExecutor,
        database_answers: Callable[[], bool],
    ) -> None:
        self.authenticator, self.admission, self.executor = authenticator, admission, executor
        self._database_answers = database_answers

    def with_schemes(self, schemes: Mapping[str, Scheme]) -> "Pipeline":
        """Return a pipeline that knows these authentication schemes, too, and shares the rest."""
        authenticator = self.authenticator.also(schemes)
        return Pipeline(authenticator, self.admission, self.executor, self._database_answers)

    def slot(self, authorization: str) -> Slot:
        """Return a slot for a new request, or one that refuses it. Never waits."""
        return self.admission.take(self.authenticator.known(authorization))

    def authenticate(self, authorization: str, slot: Slot) -> Identity:
        """Return the caller, for whom the slot counts from now on.

        Raises Exhausted if there is no slot for the caller, Unauthenticated, and
        Unavailable if the credentials can't be checked now.
        """
        slot.check()
        identity = self.authenticator.authenticate(authorization)
        slot.belongs_to(identity.principal)
        return identity

    def authenticate_at_once(self, authorization: str, slot: Slot) -> Identity | None:
        """Return the caller as `authenticate` does, or None if that might wait. Never waits."""
        identity = self.authenticator.valid_now(authorization)
        if identity is not None:
            slot.check()
            slot.belongs_to(identity.principal)
        return identity

    def answer(
        self,
        method: Method,
        principal: Principal,
        body: Body,
        raw: bytes,
        parse: Callable[[bytes], Message],
        seconds_left: Callable[[], float],
    ) -> Any:
        """Return the answer of a unary method. `parse` makes the request from the raw body.

        The service's code gets no context: it must not depend on the protocol.
        Raises what `parse` and the service's code raise, PermissionDenied, Invalid, Exhausted,
        DatabaseAway, and DeadlinePassed.
        """
        with self.executor.working():
            if len(raw) <= SMALL_BODY:
                body.leave()
            request = parse(raw)
            with _limit(seconds_left()):
                admitted = method.admit(principal, request, self.fail_fast)
                self.fail_fast()
                with acting_as(admitted):
                    return method.behaviour(request, None)

    def answer_page(self, work: Callable[[], T], seconds_left: Callable[[], float]) -> T:
        """Return the answer of a public page. Raises what `work` raises, DatabaseAway, and
        DeadlinePassed.
        """
        with self.executor.working(), _limit(seconds_left()):
            self.fail_fast()
            return work()

    def answer_endpoint(
        self,
        work: Callable[[], T],
        principal: Principal,
        body: Body,
        size: int,
        seconds_left: Callable[[], float],
    ) -> T:
        """Return the answer of an endpoint to a body of `size` bytes, as `principal`. Raises as
        `answer_page` does.
        """

        def acting() -> T:
            if size <= SMALL_BODY:
                body.leave()
            with acting_as(principal):
                return work()

        return self.answer_page(acting, seconds_left)

    def fail_fast(self) -> None:
        """Raise DatabaseAway in an outage of the database.

        The driver retries until the deadline. That helps during an election, which takes seconds.
        In a longer outage it would only block all threads until their deadlines.
        """
        if not self._database_answers():
            raise DatabaseAway(AWAY)


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Apply the caller's deadline to the work inside, database operations included."""
    seconds = min(seconds, LONGEST_REQUEST)
    if seconds <= 0:
        raise DeadlinePassed("the deadline passed before the call was begun")
    with deadline.within(seconds):
        try:
            yield
        except PyMongoError as error:
            if error.timeout and deadline.left() <= 0:
                raise DeadlinePassed("the deadline passed before the database answered") from error
            raise
