"""Where a state's records come from."""
