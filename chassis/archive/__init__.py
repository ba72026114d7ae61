"""The archive: the history as compressed files in an S3 store, beyond what the stream keeps."""
