"""`python -m sendoff_actors` runs one worker process."""

from sendoff_actors.main import run

run()
