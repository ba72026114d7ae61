"""What may be done with a thing in which state, as it is told to who asked for it."""

from collections.abc import Collection

from chassis.errors import FailedPrecondition, FieldViolation


def expect_state(noun: str, state: str, done: str, states: Collection[str]) -> None:
    """Raise FailedPrecondition unless a thing (`noun`) is in one of `states`, so that it can be
    `done`.
    """
    violations = unfit_state(noun, state, done, states)
    if violations:
        raise FailedPrecondition(f"the {noun} can't be {done}", violations)


def unfit_state(noun: str, state: str, done: str, states: Collection[str]) -> list[FieldViolation]:
    """Return a violation if a thing is in none of `states`, so that it can't be `done`."""
    if state in states:
        return []
    right = f"only a {noun} that is {' or '.join(states)} can be {done}"
    return [FieldViolation(f"{noun}_id", f"the {noun} is {state}", right)]
