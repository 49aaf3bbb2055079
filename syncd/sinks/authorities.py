"""Authorities of our own choosing, that vouch for a remote in place of the usual ones."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from tracker.errors import BadInput

_MOST_BYTES = 4 * 2**20


def authorities(ca: str) -> ssl.SSLContext:
    """Make what TLS is checked with from the PEM file `ca`; ~ is the user's home.

    Raises:
        BadInput: it is no absolute path of a readable file with certificates.
    """
    path = Path(os.path.expanduser(ca))  # noqa: PTH111 - Path's own raises where there is no home
    if not path.is_absolute():
        raise BadInput(f"ca={ca!r} cannot be used: give the whole path of a PEM file, from / on.")
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            raise BadInput(f"ca={ca!r} cannot be used: there is no PEM file.")
        return ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        raise BadInput(
            f"ca={ca!r} cannot be used: it holds no certificate in PEM form "
            "(-----BEGIN CERTIFICATE-----)."
        ) from None
    except OSError as error:
        raise BadInput(
            f"ca={ca!r} cannot be read: {error.strerror}. Mend its permissions or the path."
        ) from None
