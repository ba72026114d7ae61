"""The rules of xAPI 1.0.3 and 2.0.0 (IEEE 9274.1.1), as pure functions on parsed JSON."""
