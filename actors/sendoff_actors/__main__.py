"""`python -m sendoff_actors` runs one worker process; it ends with 2 when the settings are wrong."""

import sys

from sendoff_actors.main import run
from sendoff_domain.errors import SettingsError

try:
    run()
except SettingsError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(2)
