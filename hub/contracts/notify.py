"""Notices: one durable way out for messages, and the small interface that every channel has.

`hub/notify` provides `NOTIFIER` and owns notices, contacts, templates and the print list. Plugins enqueue in their
own transaction; a slow or dead channel delays nobody. Channel plugins add a `Channel` each in their set-up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import NewType, Protocol, TypeAlias

from hub.contracts.naming import action_name
from hub.core.bus import Event
from hub.core.errors import HubError
from hub.core.services import ServiceKey
from hub.core.storage import Tx

TENANT = action_name("notify", "tenant")
STAFF = action_name("notify", "staff")
ANNOUNCE = action_name("notify", "announce")

NoticeId = NewType("NoticeId", str)
Variable: TypeAlias = "str | int | Decimal | datetime | None"


class RecipientKind(Enum):
    """Whom a notice is for; who that is, by which channels and in which language, is the notifier's to know."""

    ACCOUNT = "account"
    ROLE = "role"
    AREA = "area"


@dataclass(frozen=True, slots=True)
class Recipient:
    """An account's tenant, the staff of a role, or everybody in an area."""

    kind: RecipientKind
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to say to one recipient, once per episode."""

    recipient: Recipient
    template: str
    episode: str
    """What happens once: a new episode of low balance begins only after the balance had recovered."""
    variables: Mapping[str, Variable] = field(default_factory=dict)
    language: str | None = None
    """`en` or `zh`; None for the recipient's own."""
    expires_us: int
    """When it would be wrong or pointless to say it."""
    breaks_quiet_hours: bool = False
    escalate_after_us: int | None = None
    """When to call `escalate_to` if it is still not delivered; None for never."""
    escalate_to: str | None = None
    """A staff role."""

    @property
    def dedupe_key(self) -> str:
        """What makes it one notice, however often it is enqueued."""
        return f"{self.recipient.kind.value}/{self.recipient.id}/{self.template}/{self.episode}"


class DeliveryState(Enum):
    """How far a notice has come."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    """A channel has taken it, and reports nothing more, or not yet."""
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It left, and the channel's answer was lost: sent at most once more."""
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeStatus:
    """Where a notice stands; what supply asks before a trip."""

    id: NoticeId
    state: DeliveryState
    channel: str | None
    """Which channel has it, or had it last."""
    leaves_machine: bool
    """Whether that channel reaches outside this machine: a log line is no notice."""
    changed_us: int
    escalated_us: int | None
    """When a person was called because it was not delivered in time."""


class Notifier(Protocol):
    """The outbox of messages."""

    def enqueue(self, tx: Tx, notice: Notice) -> NoticeId:
        """Say something once the caller's transaction is committed; at least once, by the recipient's channels.

        Synchronous, joins `tx`; the notifier owns the row. The same dedupe key and content returns the first id;
        another content under it raises `KeyReused`. An unknown template or variable raises `TemplateMismatch`.
        A recipient without a contact is no error: the notice goes to the print list.
        """

    async def status(self, notice: NoticeId) -> NoticeStatus:
        """Where a notice stands; raises `NotFound`."""

    def report(self, tx: Tx, channel: str, message_id: str, state: DeliveryState) -> None:
        """Take in a channel's later word on a message it had accepted; repeats and late ones change nothing."""

    def add_channel(self, channel: Channel) -> Callable[[], None]:
        """Deliver by this channel from now on; the result takes it out."""


NOTIFIER: ServiceKey[Notifier] = ServiceKey("notify.notifier")


class TemplateMismatch(HubError):
    """The template is not there in the language, or its variables are not those given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTraits:
    """What a channel can do."""

    leaves_machine: bool
    reports_delivery: bool
    """Whether it ever says more than `accepted`."""
    text_length_max: int | None = None
    """Longer texts are cut by the notifier's templates; None for no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLimits:
    """How fast a channel may be used; the notifier keeps to it."""

    per_minute: int
    per_address_per_day: int | None = None
    parallel: int = 1
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one channel is to bring to one address: the finished text, and what a platform's own templates need."""

    key: str
    """The same for every try: the far side may know it."""
    address: str
    language: str
    subject: str
    text: str
    template: str
    variables: Mapping[str, Variable]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """What came of one try."""

    state: DeliveryState
    message_id: str | None = None
    """The platform's own id, for later reports."""
    detail: str = ""
    is_permanent: bool = False
    """With FAILED: trying again by this channel is pointless."""
    retry_after_s: float | None = None


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str:
        """What contacts and configuration call it: `log`, `email`, ..."""

    @property
    def traits(self) -> ChannelTraits:
        """What it can do."""

    @property
    def limits(self) -> ChannelLimits:
        """How fast it may be used."""

    async def send(self, message: Message) -> SendResult:
        """Try once to bring a message; called with a time limit, and again with the same key after a failure.

        Returns ACCEPTED, DELIVERED, FAILED or UNKNOWN. An exception or a timeout counts as UNKNOWN.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class _NoticeEvent(Event):
    notice: NoticeId
    recipient: Recipient
    template: str
    episode: str

    @property
    def key(self) -> str:
        """The account, role or area."""
        return self.recipient.id


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDelivered(_NoticeEvent):
    """A notice reached its recipient, or the last that its channel can say is that it was accepted."""

    channel: str
    leaves_machine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFailed(_NoticeEvent):
    """No channel could bring a notice, or it expired."""

    state: DeliveryState
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeEscalated(_NoticeEvent):
    """A notice was not delivered in time: this role was called."""

    role: str
