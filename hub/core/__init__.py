"""The small async core: time, events, states, actions, storage, plugins. No word of the domain in it."""
