"""The client edge's token file."""

import os
from pathlib import Path

from chassis.edge.grpc.client import TokenFile
from chassis.operations.settings import NO_FILE


def test_a_renewed_token_is_read_again(tmp_path: Path) -> None:
    """The token is what the file holds now."""
    file = tmp_path / "token"
    file.write_text("one\n")
    token = TokenFile(file)
    assert [token(), token()] == ["one", "one"]
    file.write_text("two")
    os.utime(file, ns=(1, 1))
    assert token() == "two"


def test_no_file_means_no_token() -> None:
    """A service that is given no token file calls without one."""
    assert TokenFile(NO_FILE)() == ""
