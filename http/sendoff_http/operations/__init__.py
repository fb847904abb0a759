"""For operators and orchestrators: health, metrics, statistics, and the documentation of the API."""
