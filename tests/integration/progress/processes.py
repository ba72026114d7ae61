"""What progress' roles are told, as processes."""

from tests.integration.processes import declare
from tests.integration.progress.classroom import Classroom


def environment_of(classroom: Classroom, stack: dict[str, str], amqp_url: str) -> dict[str, str]:
    """What the roles are told: the classroom's database, and a bus, where their queues are made."""
    environment = {
        **stack,
        "TANDEM_AMQP_URL": amqp_url,
        "TANDEM_MONGO_DATABASE": classroom.database.mongo.name,
    }
    declare("progress", environment)
    return environment
