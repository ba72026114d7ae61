"""Statements that learners of the demo send by gRPC."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from tandem.progress.v1 import resources_pb2 as progress

from campus.demo.world import World


def said(world: World, learner: str, verb: str, run: str, **about: Any) -> progress.Statement:
    """Return a statement that a learner makes now in a run; `about`: its id, and its object."""
    stamp = Timestamp()
    stamp.FromDatetime(world.clock.now())
    return progress.Statement(
        learner_id=learner, verb=verb, run_id=world.runs[run], timestamp=stamp, **about
    )
