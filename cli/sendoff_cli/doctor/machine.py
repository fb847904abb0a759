"""This machine: Python, the programs of the embedded servers, the API's port, and the webhook's address."""

import asyncio
import platform
import resource
import socket
import sys
from importlib.metadata import version
from urllib.parse import urlsplit

from sendoff_cli.api_client import ApiClient, default_url
from sendoff_cli.doctor.finding import Finding, fail, ok, warn
from sendoff_cli.listening import is_taken
from sendoff_cli.servers.binaries import nats_program, postgres_programs, valkey_program
from sendoff_cli.servers.embedded import ServerName
from sendoff_cli.servers.errors import ServerError
from sendoff_config.bootstrap import require_closed_api, usable_cores
from sendoff_config.open_files import connections_within, requests_within
from sendoff_config.process_index import ProcessIndex
from sendoff_config.settings import HttpSettings, Settings
from sendoff_domain.errors import SendoffError, SettingsError
from sendoff_domain.webhook_addresses import vetted
from sendoff_domain.webhook_url import is_trusted

_OLDEST_PYTHON = (3, 11)
#: How long the program that has the port may take to show that it is Sendoff.
_IDENTIFY_SECONDS = 2.0
_PROGRAMS = {"postgres": postgres_programs, "redis": valkey_program, "nats": nats_program}


def check_python() -> Finding:
    """The interpreter and this program."""
    shown = f"Python {platform.python_version()}, Sendoff {version('sendoff')}"
    if sys.version_info < _OLDEST_PYTHON:
        return fail("python", shown, "use Python 3.11 or newer")
    return ok("python", shown)


def check_embedded(name: ServerName) -> Finding:
    """Whether a server without an address could be started by `sendoff up`."""
    try:
        _PROGRAMS[name]()
    except ServerError as error:
        return fail(name, f"has no address and cannot be embedded: {error}", "set its address, or install the extra")
    return ok(name, "has no address: `sendoff up` starts it embedded")


def check_files(settings: Settings) -> Finding:
    """Whether a process may open so many files that maxConcurrent and maxConnections hold."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = connections_within(hard)
    wanted = ProcessIndex(0, settings.workers.processes or usable_cores()).share(settings.scheduler.max_concurrent)
    shown = "any number of files" if hard == resource.RLIM_INFINITY else f"{hard:,} files"
    if wanted > requests_within(files):
        detail = f"{shown} for a process: {requests_within(files)} of the {wanted} requests of its maxConcurrent"
        return warn("open files", detail, "raise `ulimit -Hn` (LimitNOFILE, nofile), or lower scheduler.maxConcurrent")
    if settings.http.max_connections > files:
        detail = f"{shown} for a process: {files} of the {settings.http.max_connections} of http.maxConnections"
        return warn("open files", detail, "raise `ulimit -Hn` (LimitNOFILE, nofile), or lower http.maxConnections")
    return ok("open files", f"{shown} for a process")


def check_access(settings: HttpSettings) -> Finding:
    """Whether the API asks for a key, or else only this machine reaches it."""
    if settings.needs_key:
        return ok("access", "the API needs a key")
    if settings.on_loopback:
        return ok("access", "the API needs no key, and only this machine reaches it")
    try:
        require_closed_api(settings)
    except SettingsError as error:
        return fail("access", str(error), "make a key with `sendoff keys create`, and set http.open to never")
    advice = "set http.open to never, and make a key with `sendoff keys create`"
    return warn("access", "the API needs no key: whoever reaches its port may do everything", advice)


async def check_port(settings: HttpSettings) -> Finding:
    """Whether the API's port is free, or the API already listens there."""
    shown = f"port {settings.port} of {settings.host}"
    if settings.port == 0:
        return ok("port", "any free port is taken at the start")
    try:
        if not is_taken(settings.host, settings.port):
            return ok("port", f"{shown} is free")
    except SendoffError as error:
        return fail("port", str(error), "set another http.host or http.port")
    if await _is_sendoff(default_url(settings)):
        return ok("port", f"{shown} is in use by Sendoff")
    return fail("port", f"{shown} is in use by another program", "stop that program, or set another http.port")


async def _is_sendoff(url: str) -> bool:
    try:
        document = await ApiClient(url, None).call("GET", "/openapi.json", timeout=_IDENTIFY_SECONDS)
    except SendoffError:
        return False
    return isinstance(document, dict) and document.get("info", {}).get("title") == "Sendoff"


async def check_webhook(settings: Settings) -> Finding:
    """Whether the default customer's webhook has an address that may be called."""
    url = settings.webhook.url
    if url is None:
        return warn(
            "webhook", "none is configured", "set webhook.url; `sendoff up` shows messages in a sample until then"
        )
    host = urlsplit(url).hostname or ""
    if is_trusted(url, settings.webhook.trusted):
        return ok("webhook", f"{url} is one of webhook.trusted")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return fail("webhook", f"{host} has no address: {error.strerror}", "correct webhook.url, or the name service")
    addresses = sorted({str(entry[4][0]) for entry in found})
    if not vetted(addresses, settings.security.allowed_networks):
        advice = "add its network to security.allowedNetworks if it is yours"
        return fail("webhook", f"{host} is {', '.join(addresses)}, which is not public", advice)
    return ok("webhook", f"{host} is {', '.join(addresses)}")
