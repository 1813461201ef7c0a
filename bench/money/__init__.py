"""Measurements of money: the ledger, charging, statements."""
