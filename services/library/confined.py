"""What a process that reads a stranger's file may use; and its link to its parent, `child.py`.

The process has no credentials and opens no connection: it asks its parent for ranges of the file.
Its standard input is a socket for that, and both sides speak in lines of JSON:

| line | from | meaning |
|---|---|---|
| {"ready": true} | process | its libraries are loaded, its limits are set; false: without seccomp |
| {"at": 0, "length": 65536} | process | send these bytes; the parent answers with the bytes alone |
| others | process | what it found; see `probe.py` and `maker.py` |
"""

import ctypes
import json
import os
import resource
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from services.library.ranges import RangedFile

KIB, MIB, GIB = 2**10, 2**20, 2**30
MOST_OPEN_FILES = 16
LONGEST_LINE = 4 * KIB
# Of libseccomp (seccomp.h): what is done with system calls of no rule, and with those of a rule.
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_EPERM = 1
# Other processes and connections. A thread is made by clone, so clone is allowed.
_FORBIDDEN = (
    *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"),
    *("execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev"),
    *("kill", "tkill", "pidfd_open", "pidfd_getfd", "io_uring_setup", "bpf", "mount", "unshare"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a process may use: bytes of address space, seconds of computing, bytes of a file that it
    writes.
    """

    memory: int
    cpu_seconds: int
    file_size: int = 0


def confine(limits: Limits) -> bool:
    """Limit what this process may use; if memory is short, the system ends it before others.

    Returns whether the system refuses it connections and other processes (seccomp).
    """
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_size, limits.file_size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_OPEN_FILES, MOST_OPEN_FILES))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")
    with suppress(OSError):  # no libseccomp here, or no seccomp in this kernel
        _forbid()
        return True
    return False


def _forbid() -> None:
    """Let the system refuse what such a process never needs, by libseccomp. Raises OSError.

    A list of what is forbidden, and not of what is allowed: the codecs' calls differ by machine.
    """
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ALLOW)))
    for name in _FORBIDDEN:
        number = library.seccomp_syscall_resolve_name(name.encode())
        # Negative: this kind of machine has no such call.
        if number >= 0:
            refuse = ctypes.c_uint32(_REFUSE | _EPERM)
            _check(library.seccomp_rule_add(rules, refuse, number, 0))
    _check(library.seccomp_load(rules))


def _check(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))


class Link:
    """The process's end of the socket to its parent."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=0)
        self._socket.settimeout(None)  # the parent's hub may have made it one that does not wait

    def say(self, line: Mapping[str, object]) -> None:
        """Send a line."""
        self._socket.sendall(json.dumps(line).encode() + b"\n")

    def file(self, size: int, most: int) -> RangedFile:
        """Return the parent's file, of which at most `most` bytes are read."""
        return RangedFile(self._ask, size, most)

    def _ask(self, at: int, length: int) -> bytes:
        self.say({"at": at, "length": length})
        piece = bytearray()
        while len(piece) < length:
            some = self._socket.recv(length - len(piece))
            if not some:
                os._exit(1)  # the parent has ended
            piece += some
        return bytes(piece)
