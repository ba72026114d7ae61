"""Runs a request's work on a thread, away from the event loop."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

from chassis.edge.pipeline import Pipeline

T = TypeVar("T")


async def on_thread(pipeline: Pipeline, work: Callable[[], T]) -> T:
    """Run `work` on a thread for HTTP requests, in the context of the present request."""
    loop, context = asyncio.get_running_loop(), copy_context()
    return await loop.run_in_executor(pipeline.executor.http, context.run, work)
