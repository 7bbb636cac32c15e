# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import os

import pytest
from ansible_collections.fleetproof.backup.plugins.module_utils import _values
from ansible_collections.fleetproof.backup.plugins.module_utils._errors import FleetproofError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), (1048576, 1048576), ("1k", 1024), ("10G", 10 * 1024**3), ("1.5 MiB", 1572864), ("2TB", 2 * 1024**4), (" 7b ", 7), ("1e", 1024**6)],
)
def test_sizes_are_powers_of_1024(text, size):
    assert _values.parse_size(text, "size") == size


@pytest.mark.parametrize("text", ["", "G", "-1", "1 0", "1X", "1GG", "ten", "1,5M"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(FleetproofError) as caught:
        _values.parse_size(text, "min_free")
    assert caught.value.kind == "argument"
    assert caught.value.message.startswith("min_free: ")


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), (5, 5), ("26h", 93600), ("1d12h", 129600), ("2w", 1209600), ("1.5m", 90), ("1d 2h", None), ("0", 0)])
def test_durations(text, seconds):
    if seconds is None:
        with pytest.raises(FleetproofError):
            _values.parse_duration(text, "max_age")
    else:
        assert _values.parse_duration(text, "max_age") == seconds


@pytest.mark.parametrize("text", ["", "h", "1h30", "30 1h", "-1h", "1y", "x"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(FleetproofError) as caught:
        _values.parse_duration(text, "max_age")
    assert caught.value.message.startswith("max_age: ")


@pytest.mark.parametrize(("text", "share"), [("25%", 0.25), (" 0.5 % ", 0.005), ("100%", 1.0), ("25", None), ("%", None), ("-1%", None)])
def test_shares(text, share):
    assert _values.parse_share(text) == share


def test_times_are_utc_and_damaged_ones_nothing():
    assert _values.iso_time(0) == "1970-01-01T00:00:00Z"
    assert _values.iso_time(1770091506.9) == "2026-02-03T04:05:06Z"
    assert _values.iso_time(None) is None
    assert _values.iso_time(2.0**62) is None


def test_exact_times_have_the_fraction_that_there_is():
    assert _values.exact_time(1_770_091_506_000_000_000) == "2026-02-03T04:05:06Z"
    assert _values.exact_time(1_770_091_506_120_000_000) == "2026-02-03T04:05:06.12Z"
    assert _values.exact_time(1_770_091_506_000_000_001) == "2026-02-03T04:05:06.000000001Z"
    assert _values.exact_time(-1) == "1969-12-31T23:59:59.999999999Z"
    assert _values.exact_time(2**80) is None


@given(st.binary(max_size=20).filter(lambda name: b"\0" not in name))
def test_any_name_can_be_shown_and_kept(name):
    text = os.fsdecode(name)
    shown = _values.display_name(text)
    assert shown == _values.display_name(name)
    assert json.loads(json.dumps(shown).encode("utf-8")) == shown
    assert not any(ord(char) < 0x20 for char in shown)
    assert base64.b64decode(_values.exact_name(text)) == name


def test_names_that_are_text_are_shown_as_they_are():
    assert _values.display_name("caf\u00e9 \u65e5\u672c.txt") == "caf\u00e9 \u65e5\u672c.txt"
    assert _values.display_name(b"a\xffb\n\x9b") == "a\\xffb\\x0a\\x9b"
    assert _values.display_name("\u0085") == "\\x85"
