"""Notify: tells people what happened, by e-mail and in an inbox, at most once a channel."""
