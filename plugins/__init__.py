"""Plugins of this distribution; none imports another."""
