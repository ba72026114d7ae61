"""kombu's connection as it is here: what is read of the socket at once."""

from hypothesis import given
from hypothesis import strategies as st

from chassis.messaging.amqp_kombu import read_ahead


@given(st.lists(st.binary(min_size=1)), st.lists(st.integers(1, 20)), st.integers(1, 30))
def test_bytes_come_in_their_order_and_none_is_lost(
    packets: list[bytes], wanted: list[int], most: int
) -> None:
    """Any reads from a socket with any amounts of data; nothing follows at its end."""
    waiting = b"".join(packets)
    held = list(packets)

    def receive(count: int) -> bytes:
        if not held:
            return b""
        some, rest = held[0][:count], held[0][count:]
        held[:1] = [rest] if rest else []
        return some

    read = read_ahead(receive, most)
    for count in wanted:
        some = read(count)
        assert len(some) <= count
        assert bool(some) == bool(waiting)
        assert waiting.startswith(some)
        waiting = waiting[len(some) :]


def test_what_was_read_ahead_is_there_after_a_timeout() -> None:
    """py-amqp waits for a while, and asks again."""
    answers: list[bytes | Exception] = [b"abc", TimeoutError(), b"d"]

    def receive(_: int) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    read = read_ahead(receive)
    assert read(3) == b"abc"
    try:
        read(1)
    except TimeoutError:
        assert read(1) == b"d"
    else:
        raise AssertionError("it did not wait")
