# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of error that a task can end with, and how an operating system error becomes one of them.

Private to this collection.
"""

from __future__ import annotations

import errno
import typing as t

# What a playbook can branch on in RV(error.kind). "internal" is a defect of ours, and says so.
KINDS = frozenset(
    (
        "argument",
        "not_found",
        "permission",
        "no_space",
        "busy",
        "changed_underfoot",
        "resolve",
        "connect",
        "timeout",
        "tls",
        "auth",
        "protocol",
        "refused",
        "integrity",
        "unsafe",
        "dependency",
        "internal",
    )
)

# Kinds after which the same task may well succeed a little later with nothing else changed.
RETRYABLE = frozenset(("busy", "changed_underfoot", "connect", "timeout"))

_BY_ERRNO = {
    errno.ENOENT: "not_found",
    errno.ENOTDIR: "not_found",
    errno.EACCES: "permission",
    errno.EPERM: "permission",
    errno.EROFS: "permission",
    errno.ENOSPC: "no_space",
    errno.EDQUOT: "no_space",
    errno.EFBIG: "no_space",
    errno.EBUSY: "busy",
    errno.EAGAIN: "busy",
    errno.ETXTBSY: "busy",
    errno.ESTALE: "changed_underfoot",
    errno.ELOOP: "unsafe",
    errno.EIO: "integrity",
    errno.EINVAL: "argument",
    errno.ENAMETOOLONG: "argument",
    errno.ECONNREFUSED: "connect",
    errno.ECONNRESET: "connect",
    errno.EPIPE: "connect",
    errno.EHOSTUNREACH: "connect",
    errno.ENETUNREACH: "connect",
    errno.ETIMEDOUT: "timeout",
}


class FleetproofError(Exception):
    """An expected way for a task to fail: one sentence that names the thing and says what to do.

    ``kind`` is one of KINDS. ``retryable`` follows from the kind unless given (a 4xx reply of a
    mail server is ``refused`` and yet worth another try).
    """

    def __init__(self, kind: str, message: str, retryable: t.Optional[bool] = None) -> None:
        if kind not in KINDS:
            raise ValueError("unknown kind of error: %s" % kind)
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.retryable = kind in RETRYABLE if retryable is None else retryable

    def as_result(self) -> t.Dict[str, t.Any]:
        """The value of RV(error)."""
        return {"kind": self.kind, "retryable": self.retryable}


def kind_of_os_error(error: OSError) -> str:
    """The kind for an operating system error; what has no kind of its own is ``integrity``."""
    return _BY_ERRNO.get(error.errno or 0, "integrity")


def reason_of_os_error(error: OSError) -> str:
    """What the operating system said, in its own words and without the path ("Permission denied")."""
    return error.strerror or str(error) or type(error).__name__


def from_os_error(error: OSError, what: str) -> FleetproofError:
    """``what`` completes the sentence "Could not …": from_os_error(e, "read /srv/data")."""
    return FleetproofError(kind_of_os_error(error), "Could not %s: %s" % (what, reason_of_os_error(error)))
