"""Money in and money moved: one function credits a payment, whoever tells of it, and it does so once."""
