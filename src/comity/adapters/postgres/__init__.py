"""PostgreSQL as the one system of record: numbered migrations and the store over them."""
