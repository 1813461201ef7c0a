"""A channel that is slow, fails, loses answers or delivers twice, and a notifier that drives channels by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hub.contracts.notify import (
    Channel,
    ChannelLimits,
    ChannelTraits,
    DeliveryState,
    Message,
    Notice,
    NoticeDelivered,
    NoticeFailed,
    NoticeId,
    NoticeStatus,
    Recipient,
    RecipientKind,
    SendResult,
)
from hub.core.bus import Event
from hub.core.clock import Clock
from hub.core.codec import decode, digest, encode
from hub.core.durable import KeyReused
from hub.core.errors import NotFound
from hub.core.storage import Database, Migration, Row, Tx
from hub.testing.fakes.faults import Faults

OWNER = "fake_notify"
_FINAL = frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.EXPIRED})

_TABLES = Migration(
    1,
    "notices",
    """
    CREATE TABLE fake_notify__notices (
      id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, sha TEXT NOT NULL, kind TEXT NOT NULL,
      recipient TEXT NOT NULL, template TEXT NOT NULL, episode TEXT NOT NULL, variables TEXT NOT NULL,
      language TEXT NOT NULL, expires_us BIGINT NOT NULL, state TEXT NOT NULL, channel TEXT,
      leaves_machine BIGINT NOT NULL, message_id TEXT, changed_us BIGINT NOT NULL);
    """,
)


@dataclass(slots=True, kw_only=True)
class ChannelFaults(Faults):
    """What can go wrong with a channel; `fail_next` and `absent` give FAILED."""

    lose_answer_next: int = 0
    """How many of the next messages arrive while the channel's answer is lost: UNKNOWN."""
    duplicate_next: int = 0
    """How many of the next messages the platform brings twice."""
    is_permanent: bool = False
    """Failures are final: an address that does not exist."""


class FakeChannel:
    """One way to reach people; `inbox` is what arrived, and a key the platform knows is not delivered again."""

    def __init__(
        self,
        clock: Clock,
        faults: ChannelFaults | None = None,
        *,
        name: str = "fake_sms",
        reports_delivery: bool = False,
        leaves_machine: bool = True,
    ) -> None:
        """Start with an empty inbox."""
        self._clock = clock
        self.faults = faults or ChannelFaults()
        self.name = name
        self.traits = ChannelTraits(leaves_machine=leaves_machine, reports_delivery=reports_delivery)
        self.limits = ChannelLimits(per_minute=60)
        self.inbox: list[Message] = []
        self._known: dict[str, str] = {}

    async def send(self, message: Message) -> SendResult:
        """Bring a message to the inbox, or say what went wrong."""
        faults = self.faults
        await self._clock.sleep(faults.delay_s)
        if faults.absent or faults.take_failure():
            return SendResult(
                state=DeliveryState.FAILED, detail=f"{self.name} does not work", is_permanent=faults.is_permanent
            )
        if message.key not in self._known:
            self._known[message.key] = f"{self.name}-{len(self._known) + 1}"
            copies = 1
            if faults.duplicate_next > 0:
                faults.duplicate_next -= 1
                copies = 2
            self.inbox.extend([message] * copies)
        if faults.lose_answer_next > 0:
            faults.lose_answer_next -= 1
            return SendResult(state=DeliveryState.UNKNOWN, detail="the answer was lost")
        return SendResult(state=DeliveryState.ACCEPTED, message_id=self._known[message.key])


class FakeNotifier:
    """Notices in a real database; `deliver` does one round by the first channel, when the test says so."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        faults: Faults | None = None,
        publish: Callable[[Event], object] = lambda event: None,
    ) -> None:
        """Start without channels."""
        self._db = db
        self._clock = clock
        self.faults = faults or Faults()
        self._publish = publish
        self._channels: list[Channel] = []

    async def open(self) -> None:
        """Make the fake's tables."""
        await self._db.migrate(OWNER, [_TABLES])

    def enqueue(self, tx: Tx, notice: Notice) -> NoticeId:
        """Say something once the caller's transaction is committed."""
        tx = tx.bound_to(OWNER)
        sha = digest([dict(notice.variables), notice.language])
        known = tx.one("SELECT id, sha FROM fake_notify__notices WHERE key = ?", (notice.dedupe_key,))
        if known is not None:
            if known["sha"] != sha:
                raise KeyReused(
                    f"notice {notice.dedupe_key!r} was enqueued with other content; begin a new episode to say more"
                )
            return NoticeId(str(known["id"]))
        row = tx.one(
            "INSERT INTO fake_notify__notices (key, sha, kind, recipient, template, episode, variables, language,"
            " expires_us, state, leaves_machine, changed_us)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', 0, ?) RETURNING id",
            (
                notice.dedupe_key, sha, notice.recipient.kind.value, notice.recipient.id, notice.template,
                notice.episode, encode(dict(notice.variables)), notice.language or "en", notice.expires_us,
                self._clock.now_us(),
            ),
        )  # fmt: skip
        assert row is not None
        return NoticeId(str(row["id"]))

    async def status(self, notice: NoticeId) -> NoticeStatus:
        """Where a notice stands."""
        await self.faults.strike(self._clock, "notify")
        row = await self._db.read(
            lambda reader: reader.one("SELECT * FROM fake_notify__notices WHERE id = ?", (notice,)), owner=OWNER
        )
        if row is None:
            raise NotFound(f"there is no notice {notice!r}")
        return NoticeStatus(
            id=notice, state=DeliveryState(row["state"]), channel=row["channel"],
            leaves_machine=bool(row["leaves_machine"]), changed_us=row["changed_us"], escalated_us=None,
        )  # fmt: skip

    def report(self, tx: Tx, channel: str, message_id: str, state: DeliveryState) -> None:
        """Take in a channel's later word."""
        tx = tx.bound_to(OWNER)
        row = tx.one(
            "SELECT * FROM fake_notify__notices WHERE channel = ? AND message_id = ?", (channel, message_id)
        )
        if row is not None and DeliveryState(row["state"]) not in _FINAL:
            self._set_state(tx, row, state, "as the channel reported")

    def add_channel(self, channel: Channel) -> Callable[[], None]:
        """Deliver by this channel from now on."""
        self._channels.append(channel)
        return lambda: self._channels.remove(channel)

    async def deliver(self) -> int:
        """One round of the outbox: try every notice that is not out yet; how many were tried."""
        if not self._channels:
            return 0
        channel = self._channels[0]
        rows = await self._db.read(
            lambda reader: reader.all(
                "SELECT * FROM fake_notify__notices WHERE state IN ('queued', 'unknown') ORDER BY id"
            ),
            owner=OWNER,
        )
        for row in rows:
            await self._try(channel, row)
        return len(rows)

    async def _try(self, channel: Channel, row: Row) -> None:
        if row["expires_us"] <= self._clock.now_us():
            result = SendResult(state=DeliveryState.EXPIRED, detail="expired before it could be delivered")
        else:
            text = f"{row['template']} {row['variables']}"
            result = await channel.send(
                Message(
                    key=row["key"],
                    address=row["recipient"],
                    language=row["language"],
                    subject=row["template"],
                    text=text,
                    template=row["template"],
                    variables=decode(row["variables"]),
                )
            )
        state = result.state
        if state is DeliveryState.FAILED and not result.is_permanent:
            state = DeliveryState.QUEUED

        def note(tx: Tx) -> None:
            tx.execute(
                "UPDATE fake_notify__notices SET channel = ?, leaves_machine = ?, message_id = ? WHERE id = ?",
                (channel.name, int(channel.traits.leaves_machine), result.message_id, row["id"]),
            )
            fresh = tx.one("SELECT * FROM fake_notify__notices WHERE id = ?", (row["id"],))
            assert fresh is not None
            self._set_state(tx, fresh, state, result.detail, is_last=not channel.traits.reports_delivery)

        await self._db.write(note, owner=OWNER)

    def _set_state(self, tx: Tx, row: Row, state: DeliveryState, detail: str, *, is_last: bool = False) -> None:
        tx.execute(
            "UPDATE fake_notify__notices SET state = ?, changed_us = ? WHERE id = ?",
            (state.value, self._clock.now_us(), row["id"]),
        )
        notice = NoticeId(str(row["id"]))
        recipient = Recipient(RecipientKind(row["kind"]), row["recipient"])
        event: Event | None = None
        if state is DeliveryState.DELIVERED or (state is DeliveryState.ACCEPTED and is_last):
            event = NoticeDelivered(
                context=tx.context, notice=notice, recipient=recipient, template=row["template"],
                episode=row["episode"], channel=row["channel"], leaves_machine=bool(row["leaves_machine"]),
            )  # fmt: skip
        elif state in _FINAL:
            event = NoticeFailed(
                context=tx.context, notice=notice, recipient=recipient, template=row["template"],
                episode=row["episode"], state=state, detail=detail,
            )  # fmt: skip
        if event is not None:
            told = event
            tx.on_commit(lambda: self._publish(told))
