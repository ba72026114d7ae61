"""A platform with an LRS, and a run with units of cmi5."""

from collections.abc import Iterator
from functools import partial

import pytest
from tandem.progress.v1 import progress_pb2

from chassis.data.store import Database
from chassis.edge.methods import Servicer
from chassis.testing import ChannelFor, running
from services.progress import rights
from services.progress.api import ProgressApi
from services.progress.store import ProgressStore
from tests.integration.progress.classroom import Classroom
from tests.integration.progress.cmi5.units import BASE, Lms


@pytest.fixture
def channels(progress_database: Database[ProgressStore]) -> Iterator[ChannelFor]:
    """Channels to progress with an LRS."""
    servicer = Servicer(
        ProgressApi(progress_database, BASE),
        progress_pb2.DESCRIPTOR.services_by_name["ProgressService"],
        partial(rights.relation, progress_database),
    )
    with running([servicer], progress_database) as channel_for:
        yield channel_for


@pytest.fixture
def lms(classroom: Classroom, progress_database: Database[ProgressStore]) -> Lms:
    """The platform as units see it."""
    return Lms(classroom, progress_database)
