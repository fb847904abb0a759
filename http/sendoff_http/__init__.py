"""The API process: aiohttp, one slice per use case."""
