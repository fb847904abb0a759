"""The `sendoff` command and the embedded servers."""
