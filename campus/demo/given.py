"""Refuses servers that the environment gives if they already hold data of Tandem.

The demo counts the history from its first event and sets the clock. With other data there, its
checks would fail, and the demo would add its people to a real roster.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pika
from minio import Minio
from pika.exceptions import ChannelClosedByBroker

from campus.demo.errors import DemoError
from campus.platform import ROLES
from campus.stack.given import given
from chassis.data.store import connect
from chassis.messaging import topology


def refuse_what_is_used(environment: Mapping[str, str]) -> None:
    """Raise DemoError if a given server has data of Tandem; the message lists all of it."""
    used = [
        *_of_broker(given("rabbitmq", environment)),
        *_of_database(given("mongodb", environment)),
        *_of_store(given("s3", environment)),
    ]
    if used:
        raise DemoError(
            "the demo needs servers without any data of Tandem, but found "
            f"{', '.join(used)}; give it other servers (for RabbitMQ, another virtual host is "
            "enough), or none: then it starts its own"
        )


def _of_broker(variables: Mapping[str, str]) -> Iterator[str]:
    if not variables:
        return
    url = variables["TANDEM_AMQP_URL"]
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        try:
            connection.channel().queue_declare(topology.HISTORY, passive=True)
        except ChannelClosedByBroker:
            return
    yield f"the queue {topology.HISTORY} (TANDEM_AMQP_URL)"


def _of_database(variables: Mapping[str, str]) -> Iterator[str]:
    if not variables:
        return
    with connect(variables["TANDEM_MONGO_URL"], "tandem-demo") as client:
        there = set(client.list_database_names())
    for name in ROLES:
        if f"tandem_{name}" in there:
            yield f"the database tandem_{name} (TANDEM_MONGO_URL)"


def _of_store(variables: Mapping[str, str]) -> Iterator[str]:
    if not variables:
        return
    endpoint, bucket = urlsplit(variables["TANDEM_S3_ENDPOINT"]), variables["TANDEM_S3_BUCKET"]
    store = Minio(
        endpoint.netloc,
        access_key=variables["TANDEM_S3_ACCESS_KEY"],
        secret_key=variables["TANDEM_S3_SECRET_KEY"],
        region=variables["TANDEM_S3_REGION"],
        secure=endpoint.scheme == "https",
    )
    if store.bucket_exists(bucket) and any(True for _ in store.list_objects(bucket)):
        yield f"an object in the bucket {bucket} (TANDEM_S3_BUCKET)"
