"""What can go wrong with the local stack, said so that the reader knows what to do next."""


class StackError(Exception):
    """A part of the stack can't be had; the message says which, why, and what would help."""
