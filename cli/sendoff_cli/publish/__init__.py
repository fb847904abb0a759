"""`sendoff publish`: messages from standard input into the stream that the ingest takes them from."""
