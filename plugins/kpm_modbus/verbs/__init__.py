"""The verbs of `hub modbus`, one module for each idea."""
