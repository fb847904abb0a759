"""`python -m sendoff_cli` is the `sendoff` command."""

from sendoff_cli.main import main

main()
