"""Statements that prove themselves: what a contract used and paid in a period, and how anybody can re-derive it."""
