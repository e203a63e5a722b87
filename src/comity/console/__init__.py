"""The state's console: pages by which its staff review what is held and see what was released."""
