"""Which addresses are this machine's own, and which it could call at all; asked of the kernel, nothing is sent."""

import errno
import socket
from ipaddress import ip_address

from sendoff_domain.webhook_addresses import Address


def is_local(address: Address) -> bool:
    """Whether connections to this address come out at this machine (or container)."""
    if address.is_loopback or address.is_unspecified:
        return True
    try:
        return ip_address(_source_for(str(address), 9).partition("%")[0]) == address
    except OSError:
        return False


def has_no_source(error: OSError, address: str, port: int) -> bool:
    """Whether a machine without an address of that family says EADDRNOTAVAIL, and not one whose ports are all taken."""
    if error.errno != errno.EADDRNOTAVAIL:
        return False
    try:
        _source_for(address, port)
    except OSError as same:
        return same.errno == errno.EADDRNOTAVAIL
    return False


def _source_for(address: str, port: int) -> str:
    """From which address this machine would call that one."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, port))
        return str(probe.getsockname()[0])
