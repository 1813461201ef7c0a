"""Charging: accepted reads become segments, segments become postings, and the balance shows it as it happens."""
