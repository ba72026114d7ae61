"""What the library does, one function a use case."""
