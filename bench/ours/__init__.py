"""The work as the hub does it; each function runs in a child process of its own."""
