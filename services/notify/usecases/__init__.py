"""What notify does: one plain function a use case."""
