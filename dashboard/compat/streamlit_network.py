"""Streamlit: must not ask an outside address for the IP address of this server.

Streamlit asks ``checkip.amazonaws.com`` when a page of another site connects, and waits; it also
does so for the addresses it prints where the server listens on the whole network. Both
call ``streamlit.net_util.get_external_ip``, which is replaced here by one that knows none.

Where a later Streamlit asks otherwise, ``dashboard.server.trusted_hosts`` still refuses such
pages before Streamlit sees them.
"""

import logging

TRIED_WITH = "streamlit 1.67.0"

log = logging.getLogger(__name__)


def never_ask_for_external_address() -> None:
    """Replace the function where Streamlit has it. Call it once, where the server starts."""
    try:
        from streamlit import net_util

        if not callable(net_util.get_external_ip):
            raise TypeError("streamlit.net_util.get_external_ip is no function")
        net_util.get_external_ip = _no_address
    except (ImportError, AttributeError, TypeError) as error:
        log.warning("Streamlit may ask for its external address (%s): %s", TRIED_WITH, error)


def _no_address() -> None:
    return None
