"""`python -m sendoff_actors` runs one worker process; it ends with 2 when the settings are wrong."""

from sendoff_actors.main import run
from sendoff_config.bootstrap import exit_when_misconfigured

with exit_when_misconfigured():
    run()
