"""The verbs that the prepaid plugin adds to `hub`."""
