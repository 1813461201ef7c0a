"""The gate: which readings become accepted reads. What is doubtful waits, and is never guessed."""
