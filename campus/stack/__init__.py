"""The local stack: real servers on one machine, under one data folder.

`campus.stack.stack.Stack` starts and stops them. Each part has a file of its own, and this
file imports none of them, so that a part's child process loads nothing that it doesn't need.
"""
