"""The settings of the log: how much of it there is, and in which form."""

from typing import Literal

from sendoff_domain.document_model import PolicyModel

#: The attempts that have a line of their own.
LoggedAttempts = Literal["none", "failed", "all"]


class LoggingSettings(PolicyModel):
    """What is logged, and as what."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"
    attempts: LoggedAttempts = "failed"
