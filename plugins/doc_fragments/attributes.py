# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # What holds for every module of this collection.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Can run in C(check_mode) and return the status it would have after a real run, without changing the target.
  diff_mode:
    support: full
    description: Returns details on what has changed, or would change in C(check_mode), when in diff mode.
  idempotent:
    support: full
    description: When run twice in a row outside check mode with the same arguments, the second run changes nothing.
  platform:
    support: full
    platforms: posix
    description: Target operating system families.
"""

    ACTIONGROUP_DIRECTORIES = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/fleetproof.backup.directories) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - fleetproof.backup.directories
"""

    ACTIONGROUP_FTP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/fleetproof.backup.ftp) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - fleetproof.backup.ftp
"""

    ACTIONGROUP_IMAP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/fleetproof.backup.imap) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - fleetproof.backup.imap
"""

    ACTIONGROUP_NNTP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/fleetproof.backup.nntp) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - fleetproof.backup.nntp
"""

    ACTIONGROUP_POP3 = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/fleetproof.backup.pop3) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - fleetproof.backup.pop3
"""

    ACTIONGROUP_SMTP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/fleetproof.backup.smtp) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - fleetproof.backup.smtp
"""
