# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS as this collection speaks it: verified unless told otherwise, never downgraded.

Private to this collection. One policy for all protocols; every failure becomes one sentence.
"""

from __future__ import annotations

import os
import socket
import ssl
import typing as t
from dataclasses import dataclass

from .._errors import FleetproofError, from_os_error, reason_of_os_error

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_CERTIFICATE_FILES = (".pem", ".crt", ".cer")

# X509_V_ERR_… of OpenSSL (x509_vfy.h)
_NOT_YET_VALID = 9
_EXPIRED = 10
_UNKNOWN_ISSUER = frozenset((2, 18, 19, 20, 21))
_WRONG_NAME = frozenset((62, 64))


@dataclass(frozen=True)
class TlsPolicy:
    """What a connection asks of TLS. ``ca_path`` replaces the certificate authorities of the system."""

    validate_certs: bool = True
    ca_path: t.Optional[str] = None
    client_cert: t.Optional[str] = None
    client_key: t.Optional[str] = None
    min_version: str = "1.2"


def make_context(policy: TlsPolicy) -> ssl.SSLContext:
    """An SSLContext for ``policy``; files that cannot be used are errors that name them."""
    context = ssl.create_default_context() if policy.ca_path is None else _context_trusting(policy.ca_path)
    context.minimum_version = _VERSIONS[policy.min_version]
    # Python 3.8 and 3.9 take a connection that was cut for one that ended in good order.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    if not policy.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if policy.client_cert is not None:
        try:
            # OpenSSL asks on the terminal for the password of an encrypted key unless one is given
            context.load_cert_chain(policy.client_cert, policy.client_key, password=lambda: "")
        except ssl.SSLError as error:
            raise FleetproofError(
                "argument",
                "client_cert %s and its key cannot be used (%s); both must be PEM, belong together, and the key must not be encrypted"
                % (policy.client_cert, _reason(error)),
            ) from error
        except OSError as error:
            raise from_os_error(error, "read client_cert %s or its key" % policy.client_cert) from error
    return context


def _context_trusting(ca_path: str) -> ssl.SSLContext:
    files = [ca_path]
    capath = None
    if os.path.isdir(ca_path):
        # OpenSSL finds only hashed names (c_rehash) in a directory; people put plain PEM files there
        capath = ca_path
        files = [os.path.join(ca_path, name) for name in sorted(os.listdir(ca_path)) if name.lower().endswith(_CERTIFICATE_FILES)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if capath and not files else ssl.create_default_context(cafile=_readable(files[0]))
    for name in files[1:]:
        _load(context, name)
    if capath:
        context.load_verify_locations(capath=capath)
    return context


def _readable(path: str) -> str:
    _load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), path)
    return path


def _load(context: ssl.SSLContext, path: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        raise FleetproofError("argument", "ca_path: %s holds no certificates in PEM form" % path) from error
    except OSError as error:
        raise from_os_error(error, "read ca_path %s" % path) from error


def handshake(sock: socket.socket, context: ssl.SSLContext, host: str, where: str, session: t.Optional[ssl.SSLSession] = None) -> ssl.SSLSocket:
    """``sock`` with TLS over it; whatever goes wrong closes it and is an error: there is no way on in clear text.

    ``host`` is checked against the certificate. The handshake as a whole may take the socket's timeout.
    With ``session`` an earlier session with this server is resumed, if it agrees. An end without the
    farewell of TLS (close_notify) is an ssl.SSLError when reading (``cut_off``), never a plain end of data.
    """
    try:
        return context.wrap_socket(sock, server_hostname=host, session=session, suppress_ragged_eofs=False)
    except ssl.SSLError as error:
        sock.close()
        raise tls_error(error, host, where) from error
    except socket.timeout as error:
        sock.close()
        raise FleetproofError("timeout", "%s did not finish the TLS handshake in time; nothing was sent in clear text" % where) from error
    except (OSError, ValueError) as error:
        sock.close()
        why = reason_of_os_error(error) if isinstance(error, OSError) else str(error)
        raise FleetproofError(
            "tls", "%s broke off the TLS handshake (%s); nothing was sent in clear text" % (where, why), retryable=isinstance(error, OSError)
        ) from error


def cut_off(error: ssl.SSLError) -> bool:
    """True when ``error`` says that the connection ended without the farewell of TLS: what came may not be all."""
    # Python before 3.10 has no class of its own for what OpenSSL 3 says
    return isinstance(error, ssl.SSLEOFError) or "UNEXPECTED_EOF" in _reason(error)


def tls_error(error: ssl.SSLError, host: str, where: str) -> FleetproofError:
    """The sentence for a failed handshake, or for a TLS failure later on."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return FleetproofError("tls", _certificate_sentence(error, host, where))
    if cut_off(error) or isinstance(error, ssl.SSLZeroReturnError):
        return FleetproofError("tls", "%s closed the connection in the TLS handshake; nothing was sent in clear text" % where, retryable=True)
    reason = _reason(error)
    if "WRONG_VERSION_NUMBER" in reason or "UNKNOWN_PROTOCOL" in reason or "HTTP_REQUEST" in reason:
        hint = "it answered the TLS handshake with something that is not TLS: check port and tls, and who stands between"
    elif "PROTOCOL_VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason:
        hint = "it has no TLS version as new as tls_min_version asks for"
    elif "CERTIFICATE_REQUIRED" in reason or "BAD_CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        hint = "it did not accept the client certificate (client_cert)"
    elif "HANDSHAKE_FAILURE" in reason:
        hint = "the two sides have no cipher in common, or it wants a client certificate (client_cert)"
    else:
        hint = "TLS failed"
    return FleetproofError("tls", "%s: %s (%s)" % (where, hint, reason))


def _certificate_sentence(error: ssl.SSLCertVerificationError, host: str, where: str) -> str:
    code = error.verify_code
    if code in _WRONG_NAME:
        return "The certificate of %s is not for %s: use the host name that stands in the certificate, or let the server have one for this name" % (where, host)
    if code == _EXPIRED:
        return "The certificate of %s has expired: renew it on the server (and check the clock of this machine)" % where
    if code == _NOT_YET_VALID:
        return "The certificate of %s is not valid yet: check the clocks of the server and of this machine" % where
    if code in _UNKNOWN_ISSUER:
        return "The certificate of %s is from an authority that is not trusted here (%s): name its CA certificate in ca_path" % (where, error.verify_message)
    return "The certificate of %s cannot be trusted: %s" % (where, error.verify_message or _reason(error))


def _reason(error: ssl.SSLError) -> str:
    return str(getattr(error, "reason", None) or error.strerror or error)
