"""The small tree of errors: what is expected is a value, what is a surprise is one of these."""


class SendoffError(Exception):
    """Anything Sendoff itself raises on purpose; its text is fit to be shown to a person."""


class SettingsError(SendoffError):
    """The configuration is wrong: each line names the key's path, what was expected and what was found."""


class UnavailableError(SendoffError):
    """A server that is needed right now (PostgreSQL, Redis, NATS) does not answer; trying again may help."""


class ShortageError(SendoffError):
    """This process or its machine has too little of its own (open files, memory, ports): nobody else is to blame."""


class UnknownScopeError(SendoffError):
    """A command is for a scope that is neither the whole fleet nor a customer."""


class MigrationError(SendoffError):
    """The database's schema does not fit this version of Sendoff."""


class EncodingError(MigrationError):
    """The database's encoding is not UTF8, so that it can't hold every text, or holds bytes that are none."""


class DecryptionError(SendoffError):
    """A stored secret does not open with the encryption keys of the settings; no part of it is in the text."""


def is_lost_connection(error: BaseException) -> bool:
    """Whether a client library may have raised this, which is none of its own classes, for a connection that broke.

    uvloop raises a plain RuntimeError for a transport that was closed beneath it; TimeoutError is an OSError.
    """
    return isinstance(error, OSError | EOFError) or type(error) is RuntimeError
