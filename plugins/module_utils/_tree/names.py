# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the names of two trees are matched when the same bytes are not what counts.

Private to this collection.
"""

from __future__ import annotations

import typing as t

NORMALIZATIONS = ("none", "nfc", "nfd")

# Makes of a name what it is matched by
Key = t.Callable[[str], str]


def matching_key(normalization: str = "none", ignore_case: bool = False) -> t.Optional[Key]:
    """The key by which names are matched; None: by the name itself.

    ``normalization`` is one of NORMALIZATIONS (Unicode Standard Annex 15). Case is folded as Unicode
    says (section 3.13, caseless matching), so that C(ß) and C(SS) fall together as they do for macOS.
    """
    if normalization == "none":
        return str.casefold if ignore_case else None
    # Read only when asked for: it is a shared library of its own.
    import unicodedata  # noqa: PLC0415 # pylint: disable=import-outside-toplevel

    form: t.Any = normalization.upper()
    normalize = unicodedata.normalize

    def key(name: str) -> str:
        if name.isascii():
            return name.casefold() if ignore_case else name
        if ignore_case:
            name = normalize("NFD", name).casefold()
        return normalize(form, name)

    return key
