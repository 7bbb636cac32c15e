# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts the FTP server of the role ftp_server, and says how it is; ``--help`` lists the commands."""

import sys

from fleetproof_ftp.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
