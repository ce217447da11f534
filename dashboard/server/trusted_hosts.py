"""Trusted hosts: ASGI middleware that admits the hosts and origins of the owner alone.

A page of another site can send requests to a server on this computer, and a name of that site can
be made to resolve to it (DNS rebinding). So each HTTP request and websocket must name a host of
``server.allowedHosts`` (a loopback name where that is empty), and come from a page of that same
host and port, or of ``server.corsAllowedOrigins``. ``"*"`` in the first list and
``server.enableCORS = false`` open the server, for a proxy that checks by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.server.limits import local_mode

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
DEFAULT_PORTS = {"http": 80, "https": 443}
POLICY_VIOLATION = 1008
"""The close code of a refused websocket; before it is accepted the browser sees status 403."""


class TrustedHosts:
    """The middleware. It reads the options at each request, since secrets may set them late."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it with a sentence."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        trust = Trust.of_options()
        problem = trust.problem(Headers(scope=scope))
        if problem and scope["type"] == "websocket":
            await send(
                {"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "Not allowed"}
            )
        elif problem:
            await PlainTextResponse(problem, 403)(scope, receive, send)
        elif scope["type"] == "http" and trust.frames_are_limited:
            await self.app(scope, receive, _with_frame_ancestors(send, trust.origins))
        else:
            await self.app(scope, receive, send)


@dataclass(frozen=True)
class Trust:
    """Whom the owner trusts: host names (``*.example.com`` for all below, ``*`` for any), origins,
    whether any origin may connect, and whether pages of others may show the app in a frame."""

    hosts: tuple[str, ...]
    origins: tuple[str, ...] = ()
    any_origin: bool = False
    frames_are_limited: bool = True

    @classmethod
    def of_options(cls) -> "Trust":
        """What Streamlit's options say."""
        origins = (str(origin).strip() for origin in st.get_option("server.corsAllowedOrigins"))
        any_origin = not st.get_option("server.enableCORS")
        return cls(
            hosts=tuple(map(str, st.get_option("server.allowedHosts"))),
            origins=tuple(origins),
            any_origin=any_origin,
            frames_are_limited=local_mode() and not any_origin,
        )

    def problem(self, headers: Headers) -> str:
        """Why a request with these headers is refused, as a sentence; empty where it is not."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        host = _split(f"//{hosts[0]}") if len(hosts) == 1 else None
        if host is None or not self._names_host(host.hostname or ""):
            name = host.hostname if host else "none"
            return (
                f"Lensmith was not started for the address {name}. Its owner can allow it: "
                f"server.allowedHosts in .streamlit/config.toml, or launch.py --allow-host."
            )
        if len(origins) > 1 or not all(self._admits(origin, host) for origin in origins):
            return (
                "Lensmith takes requests from its own pages alone. Its owner can allow another: "
                "server.corsAllowedOrigins in .streamlit/config.toml."
            )
        return ""

    def _names_host(self, name: str) -> bool:
        name = name.casefold().rstrip(".")
        return any(_matches(name, one) for one in self.hosts or LOOPBACK_HOSTS)

    def _admits(self, origin: str, host: SplitResult) -> bool:
        """Whether a page of this origin may talk to this host: the same, or one that is listed."""
        if self.any_origin or origin in self.origins:
            return True
        page = _split(origin)
        if page is None or page.scheme not in DEFAULT_PORTS:
            return False
        default = DEFAULT_PORTS[page.scheme]
        return (page.hostname, page.port or default) == (host.hostname, host.port or default)


def _matches(name: str, allowed: str) -> bool:
    allowed = allowed.strip().casefold().rstrip(".").strip("[]")
    if allowed.startswith("*."):
        return name.endswith(allowed[1:])
    return allowed in ("*", name)


def _split(address: str) -> SplitResult | None:
    """A host or an origin in its parts; None for what is more, or neither."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # a ValueError where it is no number
    except ValueError:
        return None
    more = parts.username is not None or parts.path or parts.query or parts.fragment
    return None if more or not parts.hostname else parts


def _with_frame_ancestors(send: Send, origins: Iterable[str]) -> Send:
    """A ``send`` that forbids other sites to show the response in a frame, and catch clicks so."""
    policy = " ".join(["frame-ancestors 'self'", *origins])

    async def send_with_policy(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).append("Content-Security-Policy", policy)
        await send(message)

    return send_with_policy
