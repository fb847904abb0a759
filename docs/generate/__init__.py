"""Writes docs/reference/ from the code: `make reference`; a test holds the pages to it."""
