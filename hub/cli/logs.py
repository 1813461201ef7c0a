"""Logging of the `hub` process: human lines on stderr, and no secret in any of them."""

from __future__ import annotations

import logging
import os
import sys
import threading
from types import TracebackType

from hub.core.config import RedactingFilter

log = logging.getLogger(__name__)

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
FORMAT_JOURNAL = "%(levelname)s %(name)s: %(message)s"
"""The journal stamps each line itself."""


def set_up_logging(level: int) -> None:
    """Send what is logged in this process to stderr, cleaned of secrets, whoever logs it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT_JOURNAL if "JOURNAL_STREAM" in os.environ else FORMAT))
    handler.addFilter(RedactingFilter())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)  # noqa: FBT003 - the library's signature
    # What Python prints by itself goes past every filter.
    threading.excepthook = _thread_failed
    sys.unraisablehook = _unraisable


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is None or failure.exc_type is SystemExit:
        return
    name = failure.thread.name if failure.thread is not None else "unknown"
    log.error("thread %s failed", name, exc_info=failure.exc_value)


def _unraisable(failure: sys.UnraisableHookArgs) -> None:
    error: BaseException | None = failure.exc_value
    place: TracebackType | None = failure.exc_traceback
    log.error("%s: %r", failure.err_msg or "ignored", failure.object, exc_info=(failure.exc_type, error, place))  # type: ignore[arg-type]
