"""What a command tells when a server is away, or says no. Any other error is a bug of ours."""

import grpc
from minio.error import MinioException
from pika.exceptions import AMQPError
from pymongo.errors import PyMongoError
from urllib3.exceptions import HTTPError

from campus.demo.errors import DemoError
from campus.stack.errors import StackError
from campus.upload import UploadError


def told(error: Exception) -> str:
    """What went wrong, in a sentence; empty where the error is a bug."""
    match error:
        case StackError() | DemoError() | UploadError():
            return str(error)
        case grpc.RpcError():
            return f"a service answered {error.code().name}: {error.details()}"
        case AMQPError():
            return f"RabbitMQ is away or refuses: {_cause(error)}"
        case PyMongoError():
            return f"MongoDB is away or refuses: {error}"
        case HTTPError() | MinioException():
            return f"the S3 store is away or refuses: {error}"
        case OSError():
            return f"{error}"
    return ""


def _cause(error: BaseException) -> str:
    """What is inside: pika wraps a refused connection twice, and says nothing in its own text."""
    while inner := getattr(error, "exception", next(iter(error.args), None)):
        if not isinstance(inner, BaseException):
            break
        error = inner
    return str(error) or type(error).__name__
