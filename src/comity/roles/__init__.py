"""The processes of a network: hub, gateway, worker, console, witness, and who starts them."""
