"""The API process: aiohttp, one slice per use case."""

from importlib.metadata import version

__version__ = version("sendoff")
