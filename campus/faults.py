"""The messages for errors of servers. Any other error is a bug in Tandem."""

import grpc
from minio.error import MinioException
from pika.exceptions import AMQPError
from pymongo.errors import PyMongoError
from urllib3.exceptions import HTTPError

from campus.consumers.errors import ConsumerError
from campus.demo.errors import DemoError
from campus.stack.errors import StackError
from campus.upload import UploadError
from services.catalog.usecases.oneroster.archive import ArchiveError


def message_of(error: Exception) -> str:
    """Return a message for the error, for people; empty if the error is a bug."""
    match error:
        case StackError() | DemoError() | UploadError() | ArchiveError() | ConsumerError():
            return str(error)
        case grpc.RpcError():
            return f"a service answered {error.code().name}: {error.details()}"
        case AMQPError():
            return f"RabbitMQ does not answer, or refuses: {_cause(error)}"
        case PyMongoError():
            return f"MongoDB does not answer, or refuses: {error}"
        case HTTPError() | MinioException():
            return f"the S3 store does not answer, or refuses: {error}"
        case OSError():
            return f"{error}"
    return ""


def _cause(error: BaseException) -> str:
    """Return the inner error: pika wraps a refused connection twice, without a text of its own."""
    while inner := getattr(error, "exception", next(iter(error.args), None)):
        if not isinstance(inner, BaseException):
            break
        error = inner
    return str(error) or type(error).__name__
