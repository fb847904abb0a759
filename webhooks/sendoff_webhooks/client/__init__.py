"""The one HTTP client that calls webhooks."""
