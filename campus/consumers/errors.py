"""What the commands of consumers refuse; the texts are for people."""


class ConsumerError(Exception):
    """A command of a consumer was refused, or could not go on."""


class BrokerRefuses(ConsumerError):
    """The broker's management API refuses, or does not answer as it should."""


class Busy(ConsumerError):
    """Another command works on the same consumer."""


class UnknownConsumer(ConsumerError):
    """The broker has nothing of a consumer of this name."""


class UnfinishedReplay(ConsumerError):
    """Another replay of the consumer was begun, and has not ended."""


class QueueRemoved(ConsumerError):
    """The consumer's queue was removed meanwhile."""
