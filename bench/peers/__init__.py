"""The same work as others do it. Nothing here imports the hub: Home Assistant's Python does not have it."""
