"""Whatever the order of what is told, the account ends with the same balance."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from money_stage import ANNA, BERT, NOBODY, PAID, Till, at_the_till, money, open_till

from hub.contracts.ids import AccountId
from hub.contracts.topups import SettledAs, Settlement, Via
from hub.contracts.units import MinorUnits
from hub.core.storage import Tx
from hub.sim import VirtualLoop
from hub.testing.harness import start_hub
from plugins.prepaid.journal.chart import prepaid
from plugins.prepaid.money.returns import Return, take_back

EVENTS: dict[str, Settlement] = {
    "pay": PAID,
    "duplicate": PAID,
    "query": replace(PAID, via=Via.QUERY, account=None),
    "bill": replace(PAID, via=Via.BILL, account=None, order_id=None),
}


async def give_back(till: Till, transaction: str) -> None:
    told = Return("fake_pay", f"return-{transaction}", transaction, MinorUnits(3_000), "the customer asked for it")

    def take(tx: Tx) -> None:
        take_back(till.topups.desk, tx, told)

    await till.write(take)


async def tell(till: Till, event: str, n: int) -> None:
    """One event of the payment of account `a<n>`."""
    if event == "refund":
        await give_back(till, f"tx-{n}")
        return
    told = EVENTS[event]
    await till.settle(
        replace(
            told, transaction_id=f"tx-{n}", account=None if told.account is None else AccountId(f"a{n}"),
            order_id=None if told.order_id is None else f"o-{n}",
        )
    )  # fmt: skip


def test_every_order_of_callback_duplicate_query_bill_and_refund_gives_the_same_balance(tmp_path: Path) -> None:
    async def scene(till: Till) -> None:
        orders = list(permutations([*EVENTS, "refund"]))
        for n, order in enumerate(orders):
            await till.open_account(AccountId(f"a{n}"))
            for event in order:
                await tell(till, event, n)
        balances = {order: await till.balance(AccountId(f"a{n}")) for n, order in enumerate(orders)}
        assert set(balances.values()) == {7_000}, {k: v for k, v in balances.items() if v != 7_000}
        assert len(orders) == 120
        await till.check()

    at_the_till(tmp_path, scene)


class MoneyOfTwo(RuleBasedStateMachine):
    """Two accounts, a platform that tells things as it likes, a counter, and a model that only adds up."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._runner = asyncio.Runner(loop_factory=VirtualLoop)
        self._loop = self._runner.get_loop()
        self.expected = {ANNA: 0, BERT: 0}
        self.credited: dict[str, tuple[AccountId, int]] = {}
        self.keys = 0

    @initialize()
    def open(self) -> None:
        async def begin() -> Till:
            return await open_till(await start_hub(Path(self._folder.name)))

        self.till = self.run(begin())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(work)

    def teardown(self) -> None:
        async def end() -> None:
            await self.till.check()
            await self.till.harness.hub.stop()

        self.run(end())
        self._runner.close()
        self._folder.cleanup()

    def call(self, action: str, **data: object) -> Any:
        self.keys += 1
        return self.run(self.till.call(action, key=f"k{self.keys}", **data))

    @rule(
        n=st.integers(0, 4), account=st.sampled_from([ANNA, BERT, NOBODY, None]),
        amount=st.sampled_from([0, 1, 7_000]), via=st.sampled_from(list(Via)), has_order=st.booleans(),
    )  # fmt: skip
    def told(self, n: int, account: AccountId | None, amount: int, via: Via, has_order: bool) -> None:
        told = replace(
            PAID, transaction_id=f"tx-{n}", order_id=f"o-{n}" if has_order else None, account=account,
            amount_minor=MinorUnits(amount), via=via,
        )  # fmt: skip
        settled = self.run(self.till.settle(told))
        if settled.outcome is SettledAs.CREDITED:
            assert account in self.expected, "only a known account is credited"
            assert f"tx-{n}" not in self.credited, "each payment is credited once"
            assert amount > 0
            self.credited[f"tx-{n}"] = (account, amount)
            self.expected[account] += amount

    @rule(account=st.sampled_from([ANNA, BERT]), amount=st.integers(-5, 9_000), receipt=st.integers(0, 3))
    def cash(self, account: AccountId, amount: int, receipt: int) -> None:
        text = money(f"{amount}").scaleb(-2)
        answer = self.call("topup.cash", account=account, amount=text, receipt=f"c{receipt}")
        if answer["outcome"] == "credited":
            assert f"cash-{receipt}" not in self.credited
            self.credited[f"cash-{receipt}"] = (account, amount)
            self.expected[account] += amount

    @rule(source=st.sampled_from([ANNA, BERT]), amount=st.integers(-5, 9_000))
    def transfer(self, source: AccountId, amount: int) -> None:
        target = BERT if source == ANNA else ANNA
        answer = self.call(
            "account.transfer", account=source, to=target, amount=money(f"{amount}").scaleb(-2), reason="x"
        )
        is_possible = 0 < amount <= self.expected[source]
        assert (answer["outcome"] == "done") is is_possible
        if is_possible:
            self.expected[source] -= amount
            self.expected[target] += amount

    @rule(account=st.sampled_from([ANNA, BERT]), amount=st.integers(1, 9_000), is_paid=st.booleans())
    def refund(self, account: AccountId, amount: int, is_paid: bool) -> None:
        begun = self.call("account.refund", account=account, amount=money(f"{amount}").scaleb(-2), reason="x")
        assert (begun["outcome"] == "done") is (amount <= self.expected[account])
        if begun["outcome"] == "done":
            step = "account.refund_paid" if is_paid else "account.refund_void"
            assert self.call(step, refund=begun["refund"], reason="x")["outcome"] == "done"
            self.expected[account] -= amount if is_paid else 0

    @rule(entry=st.integers(1, 12))
    def reverse(self, entry: int) -> None:
        before = dict(self.expected)
        stands = self.run(self.till.read(lambda reader: reader.all(STANDS, (entry, f"entry:{entry}"))))
        answer = self.call("account.reverse", entry=entry, reason="x")
        if answer["outcome"] == "done":
            for row in stands:
                for account in before:
                    if row["account"] == prepaid(account):
                        self.expected[account] += row["amount"]

    @invariant()
    def the_balance_is_the_sum_of_what_was_accepted(self) -> None:
        if hasattr(self, "till"):
            for account, amount in self.expected.items():
                assert self.run(self.till.balance(account)) == amount
                assert self.run(self.till.spendable(account)) == amount, "no hold is left over"


STANDS = (
    "SELECT account, sum(amount_minor) AS amount FROM prepaid__postings WHERE entry = ? OR entry IN"
    " (SELECT seq FROM prepaid__journal WHERE corrects = ?) GROUP BY account"
)


def test_the_balance_is_the_sum_of_what_was_accepted_whatever_happens() -> None:
    run_state_machine_as_test(
        MoneyOfTwo,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, derandomize=True, database=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )  # fmt: skip
