"""Rules rehearsed: replayed on a trace, run over what was, and asked whom they would hit now."""
