"""Hub: a plugin-based automation hub for prepaid electricity."""

__version__ = "0.1.0"
