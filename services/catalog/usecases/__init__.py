"""What catalog does, one function a use case."""
