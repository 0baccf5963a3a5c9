"""Whom we believe to be who they say: TLS, without a word of the environment in it.

`ssl.create_default_context` would obey SSL_CERT_FILE, SSL_CERT_DIR and SSLKEYLOGFILE.
"""

import ssl
from pathlib import Path

import certifi


def tls(ca_file: str | None) -> ssl.SSLContext:
    """Return a context that checks certificate and name: the system's authorities and `ca_file`.

    Raises OSError, with words for people, when `ca_file` cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    system = ssl.get_default_verify_paths()
    if Path(system.openssl_cafile).is_file() or any(Path(system.openssl_capath).glob("*.0")):
        context.load_verify_locations(
            system.openssl_cafile if Path(system.openssl_cafile).is_file() else None,
            system.openssl_capath if Path(system.openssl_capath).is_dir() else None,
        )
    else:  # an interpreter that was built elsewhere
        context.load_verify_locations(certifi.where())
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise OSError(
                f"ca_file = {ca_file!r}: no certificates could be read: {error}"
            ) from None
    return context
