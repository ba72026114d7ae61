"""The error of the local stack."""


class StackError(Exception):
    """A part of the stack can't be used; the message says which, why, and what would help."""
