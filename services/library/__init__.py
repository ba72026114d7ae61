"""The digital library: clients upload straight to the S3 store; files are verified."""
