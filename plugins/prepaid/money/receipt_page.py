"""A receipt on paper: 40 columns for a till's printer, and HTML; in the tenant's language."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from unicodedata import east_asian_width

from hub.contracts.units import MinorUnits, major_units
from plugins.prepaid.money.receipts import Receipt

COLUMNS = 40

_EN = {
    "topup": "Top-up", "assigned": "Top-up", "goodwill": "Goodwill credit", "refund": "Refund",
    "deposit": "Deposit", "deposit_returned": "Deposit returned", "receipt": "Receipt", "account": "Account",
    "tenant": "Tenant", "time": "Time", "amount": "Amount", "repaid": "of it for debt", "credit": "of it as credit",
    "balance": "Balance after", "deposit_after": "Deposit after", "paid_by": "Paid by", "entry": "Ledger entry",
    "hash": "Chain", "reversed": "REVERSED", "cash": "cash", "bank": "bank transfer", "batch": "batch",
}  # fmt: skip
_ZH = {
    "topup": "充值", "assigned": "充值", "goodwill": "赠送", "refund": "退款", "deposit": "押金",
    "deposit_returned": "退还押金", "receipt": "收据", "account": "账户", "tenant": "租户", "time": "时间",
    "amount": "金额", "repaid": "其中还欠款", "credit": "其中充入", "balance": "余额", "deposit_after": "押金余额",
    "paid_by": "支付方式", "entry": "账目", "hash": "链", "reversed": "已冲正", "cash": "现金", "bank": "银行转账",
    "batch": "批量",
}  # fmt: skip


def text_of(receipt: Receipt) -> str:
    """The receipt for a till's printer; no line is wider than 40 columns."""
    words = _words(receipt)
    lines = [*_centred(receipt.site), *_centred(words[receipt.kind]), "-" * COLUMNS]
    for name, value, is_money in _rows(receipt):
        if is_money and name == words["amount"]:
            lines.append("-" * COLUMNS)
        lines += _line(name, value)
    lines.append("-" * COLUMNS)
    if receipt.is_reversed:
        lines += [*_centred(f"*** {words['reversed']} ***"), "-" * COLUMNS]
    return "\n".join(lines) + "\n"


def html_of(receipt: Receipt) -> str:
    """The receipt as a page of its own, without anything from elsewhere."""
    words = _words(receipt)
    rows = "\n".join(
        f"<tr{' class=money' if is_money else ''}><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value, is_money in _rows(receipt)
    )
    undone = f"<p class=reversed>{escape(words['reversed'])}</p>\n" if receipt.is_reversed else ""
    title = f"{words['receipt']} {receipt.number}"
    return (
        f'<!doctype html>\n<html lang="{escape(_language(receipt))}">\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n"
        "<style>body{font:14px/1.5 sans-serif;max-width:24em;margin:2em auto}table{width:100%}"
        "th{text-align:left;font-weight:normal}td{text-align:right}.money td{font-variant-numeric:tabular-nums}"
        ".reversed{text-align:center;font-weight:bold}</style>\n"
        f"<h1>{escape(receipt.site)}</h1>\n<h2>{escape(words[receipt.kind])}</h2>\n"
        f"<table>\n{rows}\n</table>\n{undone}</html>\n"
    )


def _rows(receipt: Receipt) -> Iterator[tuple[str, str, bool]]:
    """Name, value, and whether it is money."""
    words = _words(receipt)
    yield words["receipt"], receipt.number, False
    yield words["time"], receipt.at.strftime("%Y-%m-%d %H:%M:%S"), False
    yield words["account"], receipt.account, False
    yield words["tenant"], receipt.tenant, False
    if receipt.paid_by:
        yield words["paid_by"], words.get(receipt.paid_by, receipt.paid_by), False
    yield words["amount"], _money(receipt, receipt.amount_minor), True
    if receipt.repaid_minor:
        yield words["repaid"], _money(receipt, receipt.repaid_minor), True
        yield words["credit"], _money(receipt, receipt.amount_minor - receipt.repaid_minor), True
    balance = "deposit_after" if receipt.kind.startswith("deposit") else "balance"
    yield words[balance], _money(receipt, receipt.balance_minor), True
    yield words["entry"], str(receipt.entry), False
    yield words["hash"], receipt.short_hash, False


def _money(receipt: Receipt, amount_minor: int) -> str:
    return f"{major_units(MinorUnits(amount_minor), receipt.scale):f} {receipt.currency}"


def _language(receipt: Receipt) -> str:
    return "zh" if receipt.language.startswith("zh") else "en"


def _words(receipt: Receipt) -> dict[str, str]:
    return _ZH if _language(receipt) == "zh" else _EN


def _line(name: str, value: str) -> Iterator[str]:
    """Name to the left, value to the right; a value that is too long goes below, in as many lines as it takes."""
    gap = COLUMNS - _width(name) - _width(value)
    if gap >= 1:
        yield f"{name}{' ' * gap}{value}"
        return
    yield name
    for piece in _pieces(value, COLUMNS - 2):
        yield f"  {piece}"


def _centred(text: str) -> Iterator[str]:
    for piece in _pieces(text, COLUMNS):
        yield " " * ((COLUMNS - _width(piece)) // 2) + piece


def _pieces(text: str, columns: int) -> Iterator[str]:
    piece = ""
    for letter in text:
        if _width(piece + letter) > columns:
            yield piece
            piece = ""
        piece += letter
    yield piece


def _width(text: str) -> int:
    """How many columns a text takes: Chinese characters take two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
