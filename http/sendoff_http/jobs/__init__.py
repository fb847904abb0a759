"""/v1/jobs: long work on many messages, listed, followed, paused, resumed, cancelled."""
