"""The ledger proper: entries that sum to zero, chained, sealed, verified, and readable by `hledger`.

Everything works on a `Reader` or a `Tx` of the prepaid plugin (`hub.db.join(tx)`). Amounts are minor units; debit
is positive: what a tenant owns is negative in the books, and `as_read` turns it for people.
"""

from plugins.prepaid.journal.balances import (
    Cursor,
    Line,
    Page,
    balance,
    balance_at,
    balance_effective,
    balances,
    history,
)
from plugins.prepaid.journal.chain import GENESIS, Step, link, verify_proof
from plugins.prepaid.journal.chart import as_read, normal_side, tenant_of
from plugins.prepaid.journal.corrections import correct, reverse, standing
from plugins.prepaid.journal.findings import Finding, Report
from plugins.prepaid.journal.hledger import Currency, export
from plugins.prepaid.journal.journal import Journal
from plugins.prepaid.journal.periods import BalanceDiffers, assert_balance, close_period, closed_until
from plugins.prepaid.journal.records import (
    Entry,
    PeriodClosed,
    Posted,
    Posting,
    Unbalanced,
    Unpostable,
    corrected_entry,
)
from plugins.prepaid.journal.schema import JOURNAL_TABLES
from plugins.prepaid.journal.sealing import (
    Checkpoint,
    Proof,
    Seal,
    checkpoint,
    last_checkpoint,
    proof,
    seal,
)
from plugins.prepaid.journal.verify import Verification, verify, verify_in_pages

__all__ = [
    "GENESIS",
    "JOURNAL_TABLES",
    "BalanceDiffers",
    "Checkpoint",
    "Currency",
    "Cursor",
    "Entry",
    "Finding",
    "Journal",
    "Line",
    "Page",
    "PeriodClosed",
    "Posted",
    "Posting",
    "Proof",
    "Report",
    "Seal",
    "Step",
    "Unbalanced",
    "Unpostable",
    "Verification",
    "as_read",
    "assert_balance",
    "balance",
    "balance_at",
    "balance_effective",
    "balances",
    "checkpoint",
    "close_period",
    "closed_until",
    "correct",
    "corrected_entry",
    "export",
    "history",
    "last_checkpoint",
    "link",
    "normal_side",
    "proof",
    "reverse",
    "seal",
    "standing",
    "tenant_of",
    "verify",
    "verify_in_pages",
    "verify_proof",
]
