"""What can be done with live classes: one function a use case, given its store."""
