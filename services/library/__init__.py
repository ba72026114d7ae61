"""The digital library: files go straight to the S3 store, and are verified before anyone reads."""
