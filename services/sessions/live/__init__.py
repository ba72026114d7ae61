"""The role `live`: the live channel of classes, by gRPC and WebSocket."""
