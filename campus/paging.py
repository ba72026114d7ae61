"""Lists of services, which come page by page."""

from collections.abc import Callable, Iterator
from typing import Any


def rows_of(ask: Callable[[Any], Any], request: Any, field: str) -> Iterator[Any]:
    """Yield the rows of all pages of a list. `ask`: the RPC; `request`: of the first page;
    `field`: that of an answer that has the rows. Raises grpc.RpcError.
    """
    wanted = type(request)()
    wanted.CopyFrom(request)
    while True:
        page = ask(wanted)
        yield from getattr(page, field)
        if not page.next_page_token:
            return
        wanted.page_token = page.next_page_token
