"""`sendoff listen`: a webhook on this machine that shows what it gets, and can be made to fail."""
