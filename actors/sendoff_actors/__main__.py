"""`python -m sendoff_actors` runs one worker process; it ends with 2 when the settings are wrong."""

from sendoff_actors.main import run
from sendoff_config.bootstrap import exit_when_misconfigured
from sendoff_config.lossy_output import make_output_lossy

make_output_lossy("stdout", "stderr")
with exit_when_misconfigured():
    run()
