"""What survives a crash: timers that fire once, messages delivered at least once, and journals of runs."""

from hub.core.durable.journal import Entry, Journal
from hub.core.durable.outbox import KeyReused, Outbox, OutboxItem, Undeliverable
from hub.core.durable.timers import Timer, Timers

__all__ = ["Entry", "Journal", "KeyReused", "Outbox", "OutboxItem", "Timer", "Timers", "Undeliverable"]
