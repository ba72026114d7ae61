"""Reaches a service: that of the local platform, in some role, or that of another platform."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click
import grpc

from campus.connection import DATA
from campus.output import fail
from campus.platform import Platform
from chassis.edge.grpc.client import OPTIONS, Token, TokenFile, calling_with


@dataclass(frozen=True, slots=True)
class Where:
    """Where a service is. `target`: host:port on another platform; None: the local one."""

    folder: Path
    target: str | None
    tls: bool
    token_file: Path | None


_OPTIONS = (
    DATA,
    click.option(
        "--token-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="A file with the token for --target. It may be renewed meanwhile.",
    ),
    click.option("--tls", is_flag=True, help="Encrypt the calls to --target."),
    click.option("--target", help="The service on another platform: host:port of its gRPC server."),
)


def reaching(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say where its service is; it gets them as `where`."""

    @wraps(command)
    def called(
        folder: Path, target: str | None, tls: bool, token_file: Path | None, **others: Any
    ) -> Any:
        if bool(target) != bool(token_file):
            fail("--target and --token-file are given together, or neither for the local platform")
        return command(where=Where(folder, target, tls, token_file), **others)

    for option in _OPTIONS:
        called = option(called)
    return called


@contextmanager
def channel_to(service: str, where: Where, role: str = "registrar") -> Iterator[grpc.Channel]:
    """Yield a channel to a service; to a local one with a token of a role. Raises StackError if the
    local platform is down.
    """
    token: Token = (
        TokenFile(where.token_file) if where.token_file else partial(_minted, where.folder, role)
    )
    with _channel(where.target or _local(service, where.folder), where.tls) as channel:
        yield calling_with(channel, token)


def _local(service: str, folder: Path) -> str:
    platform = Platform(folder)
    platform.environment()
    return platform.target(service)


def _minted(folder: Path, role: str) -> str:
    """Return a new token for the local platform: long work may take longer than one is valid."""
    return Platform(folder).identity.mint(role, [role])


def _channel(target: str, tls: bool) -> grpc.Channel:
    if tls:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(), OPTIONS)
    return grpc.insecure_channel(target, OPTIONS)
