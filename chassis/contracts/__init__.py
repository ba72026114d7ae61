"""The contracts' messages and events, to and from dataclasses."""
