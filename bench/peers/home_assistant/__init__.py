"""Home Assistant 2025.4.4, driven as `docs/benchmarks.md` says; needs its own Python."""
