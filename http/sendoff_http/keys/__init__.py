"""/v1/keys: the API keys that are in the database."""
