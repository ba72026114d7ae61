"""The parts that the environment gives; the stack does not start these."""

from collections.abc import Mapping
from dataclasses import dataclass

import pika

from campus.stack.errors import StackError


@dataclass(frozen=True)
class _Variables:
    """The variables of a part: all of `needed` or none; `optional` has defaults or None."""

    needed: tuple[str, ...]
    optional: tuple[tuple[str, str | None], ...] = ()


VARIABLES = {
    "rabbitmq": _Variables(("TANDEM_AMQP_URL",), (("TANDEM_AMQP_MANAGEMENT_URL", None),)),
    "mongodb": _Variables(("TANDEM_MONGO_URL",)),
    "s3": _Variables(
        (
            "TANDEM_S3_ENDPOINT",
            "TANDEM_S3_ACCESS_KEY",
            "TANDEM_S3_SECRET_KEY",
            "TANDEM_S3_BUCKET",
        ),
        (("TANDEM_S3_REGION", "us-east-1"),),
    ),
    "smtp": _Variables(("TANDEM_SMTP_URL",), (("TANDEM_MAIL_FOLDER", None),)),
}


def given(part: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the part's variables from the environment, with defaults; empty if there are none.

    An empty value counts as absent. Raises StackError, naming what is missing, for a part
    with only some of its variables, and for a broker's URL that is malformed.
    """
    variables = VARIABLES[part]
    optional = dict(variables.optional)
    names = (*variables.needed, *optional)
    present = {name: value for name in names if (value := environment.get(name))}
    if not present:
        return {}
    missing = [name for name in variables.needed if name not in present]
    if missing:
        raise StackError(
            f"only some variables of {part} are set ({', '.join(present)}); missing are "
            f"{', '.join(missing)}. Set all of them, or none to start a local server."
        )
    if "TANDEM_AMQP_URL" in present:
        check_amqp_url(present["TANDEM_AMQP_URL"])
    return {name: value for name, value in optional.items() if value is not None} | present


def given_beside(addresses: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of those parts that are not at the local addresses."""
    found: dict[str, str] = {}
    for part, address in addresses.items():
        if environment.get(VARIABLES[part].needed[0]) != address:
            found |= given(part, environment)
    return found


def check_amqp_url(url: str) -> None:
    """Raise StackError for a URL that pika can't read. Its password is not shown."""
    try:
        well_formed = url.startswith(("amqp://", "amqps://")) and bool(pika.URLParameters(url))
    except (ValueError, LookupError):
        well_formed = False
    if not well_formed:
        raise StackError(
            "TANDEM_AMQP_URL is not an AMQP URL; use for example amqp://user:password@host:5672/%2F"
        )
