"""The field layer's measurements: sites with meters in virtual time, and behind real ports of another process."""
