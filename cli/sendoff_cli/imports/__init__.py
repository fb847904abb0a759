"""`sendoff import`: messages from a file, or from what waits in Celery or QStash, accepted by a job."""
