"""Everything that people can do with money, registered in one go."""

from __future__ import annotations

from plugins.prepaid.money.batch import register_batches
from plugins.prepaid.money.deposits import register_deposits
from plugins.prepaid.money.gifts import register_gifts
from plugins.prepaid.money.refunds import Refunds
from plugins.prepaid.money.reversals import register_reversals
from plugins.prepaid.money.settle import Topups
from plugins.prepaid.money.unclear import register_unclear


def register_money(topups: Topups) -> Refunds:
    """Offer refunds, transfers, goodwill, write-offs, deposits, reversals, suspense and batches."""
    register_gifts(topups.desk)
    register_deposits(topups.desk)
    register_reversals(topups.desk)
    register_unclear(topups.desk)
    register_batches(topups)
    return Refunds(topups.desk, topups.holds)
