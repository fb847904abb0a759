"""Where the repository is, and which folders hold a package, from the top floor down."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("cli", "actors", "http", "ingest", "control", "webhooks", "intake", "db", "config", "domain")
