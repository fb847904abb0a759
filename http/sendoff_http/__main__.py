"""`python -m sendoff_http --config config.yaml` runs one process of the API."""

from sendoff_http.server import main

main()
