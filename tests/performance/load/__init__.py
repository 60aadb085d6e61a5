"""`make load`: the system under load for minutes, and a count of what was saved against what was recorded."""
