"""/v1/audit: who did what."""
