"""The context of a request, for all code below the edge."""
