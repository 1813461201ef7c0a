"""Benchmarks: the hub's own figures, side by side with a peer in the same run where there is one."""
