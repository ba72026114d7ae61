"""Calls of others' servers."""

import pytest

from chassis.edge.calls import Caller, Limits, NotReached


@pytest.mark.parametrize("host", ["a" * 64 + ".example", ".example", "push..example"])
def test_a_name_that_no_dns_has(host: str) -> None:
    """A host that can't be asked for is not reached, as one that does not answer."""
    with Caller(Limits()) as caller, pytest.raises(NotReached, match="no name of the DNS"):
        caller.call("POST", f"https://{host}/")
