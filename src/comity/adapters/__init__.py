"""What carries out the ports: PostgreSQL, NATS, files, the system; and their twins in memory."""
