"""Durable runs: begun in one transaction with what caused them, journalled step by step, resumed after a crash."""
