"""People and places: points in a tree, meters with epochs, tenants, accounts, contracts with dates."""
