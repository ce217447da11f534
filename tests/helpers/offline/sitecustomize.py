"""Offline guard: ends whatever would leave this computer, in this process and those it starts.

Python runs a module of this name at its start. ``tests/conftest.py`` puts its folder on the path of
every child, and calls ``guard`` itself. An attempt is refused as by a computer without a network,
and noted in the file that ``OFFLINE_LOG`` names, whose lines fail the test.
"""

import ipaddress
import os
import socket
import sys
import traceback

LOG_VARIABLE = "OFFLINE_LOG"
LOCAL_NAMES = frozenset(("", "localhost", "localhost.localdomain", "ip6-localhost"))
_LOOKUPS = frozenset(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"))
_CONNECTIONS = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))


def is_local(host):
    """Whether a name or an address is this computer."""
    if host is None:
        return True
    name = (host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)).lower()
    if name in LOCAL_NAMES or name == socket.gethostname().lower():
        return True
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def guard():
    """Watch this process from now on."""
    log = os.environ.get(LOG_VARIABLE)

    def watch(event, arguments):
        if event in _LOOKUPS:
            host = arguments[0]
        elif event in _CONNECTIONS:
            address = arguments[1]
            if event == "socket.connect" and arguments[0].type == socket.SOCK_DGRAM:
                return  # that sends nothing; it asks the system which way it would go
            if not isinstance(address, tuple) or not isinstance(address[0], (str, bytes)):
                return  # a socket of the file system, or of the kernel
            host = address[0]
        else:
            return
        if not is_local(host):
            if log:
                stack = " < ".join(
                    f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_stack()[-5:-1]
                )
                with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123
                    file.write(f"{event} {host!r} by {stack}\n")
            raise OSError(101, f"The tests are offline, and {host!r} was asked for")

    sys.addaudithook(watch)


if os.environ.get(LOG_VARIABLE):
    guard()
