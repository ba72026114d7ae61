"""Who studies and teaches what, and along which path."""
