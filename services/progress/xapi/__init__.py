"""The HTTP edge of the LRS: xAPI's resources under /xapi."""
