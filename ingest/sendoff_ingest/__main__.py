"""`python -m sendoff_ingest --config config.yaml` runs one process of the ingest."""

from sendoff_ingest.main import main

main()
