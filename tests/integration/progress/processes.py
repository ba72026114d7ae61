"""Progress' roles as processes, and their settings."""

from tests.integration.processes import declare
from tests.integration.progress.classroom import Classroom


def environment_of(classroom: Classroom, stack: dict[str, str], amqp_url: str) -> dict[str, str]:
    """The environment of the roles: the classroom's database, and a bus with their queues."""
    environment = {
        **stack,
        "TANDEM_AMQP_URL": amqp_url,
        "TANDEM_MONGO_DATABASE": classroom.database.mongo.name,
    }
    declare("progress", environment)
    return environment
