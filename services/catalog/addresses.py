"""Which mail addresses the roster takes: those that a mail server can take."""

from collections.abc import Iterator

from email_validator import EmailNotValidError, validate_email

from chassis.errors import FieldViolation
from chassis.texts import is_plain


def address_violations(address: str) -> Iterator[FieldViolation]:
    """Yield what is wrong with a mail address (RFC 5321, 4.1.2; IDNA for the domain).

    A local part with other than ASCII characters is refused, because few servers support it
    (SMTPUTF8, RFC 6531), and so is a domain that no mail reaches, such as `.local`. Nobody is asked
    whether the domain exists.
    """
    right = "an address that can get mail, such as ada@university.example"
    if not is_plain(address):
        yield FieldViolation("email", f"is {address!a}, with hidden characters", right)
        return
    try:
        validate_email(address, allow_smtputf8=False, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        yield FieldViolation("email", f"is {address!a}: {error}", right)
