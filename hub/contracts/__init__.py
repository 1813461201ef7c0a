"""What plugins share: Protocols, notices, typed errors and service keys. `docs/contracts.md` has the rules.

One module is one seam: `metering` (with `streams`), `relays` (with `grants`), `supply` (with `axes`), `topups`,
`notify`, `history` (with `history_files`). `ids`, `units` and `naming` hold the words they have in common. Nothing
here imports a plugin; `grants` may be imported by few, and says by whom.
"""
