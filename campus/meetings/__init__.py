"""A meeting provider for the demo and for tests: it speaks BigBlueButton's API, without video.

It checks and makes checksums, sends webhooks, and has recordings that can be played. Told to, it
fails in the ways in which real servers fail. It keeps everything in memory.
"""
