"""The state's console: what its employees see of what waits for them, and who they are."""
