"""Who calls the LRS, and what the caller may do there."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Scope(Enum):
    """What a client may do (xAPI 1.0.3, part 3, section 4.2)."""

    STATEMENTS_WRITE = "statements/write"
    STATEMENTS_READ_MINE = "statements/read/mine"
    STATEMENTS_READ = "statements/read"
    STATE = "state"
    DEFINE = "define"
    PROFILE = "profile"
    ALL_READ = "all/read"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Launch:
    """The session of cmi5 that a credential is of (domain/cmi5/sessions.py)."""

    session_id: str
    run_id: str
    learner_id: str
    activity_id: str
    registration: str


@dataclass(frozen=True, slots=True)
class Client:
    """A caller of the LRS."""

    id: str
    """The credential's id, or the person's."""
    authority: Mapping[str, Any]
    """The agent that asserts what the client stores (xAPI 1.0.3, part 2, section 2.4.9)."""
    scopes: Set[Scope]
    learner_id: str = ""
    """The learner whose own data only the client may read and write; empty: anyone's."""
    run_ids: Set[str] | None = None
    """The runs of which only the client may read and write; None: all, and what is of no run."""
    launch: Launch | None = None
    """The session of cmi5 by whose rules only the client may write; None: it is of none."""
