"""The ingest process: it takes messages from a JetStream stream and stores them in PostgreSQL, batch by batch."""
