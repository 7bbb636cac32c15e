# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # The options of every module that fetches mail; it stands ahead of the fragment connection. The argument spec is FETCH in
    # module_utils/_mail/fetch_options.py.
    DOCUMENTATION = r"""
options:
  tls:
    description:
      - How the connection is encrypted.
      - A server that does not offer what is asked for is an error. There is no falling back to clear text, whatever goes wrong.
      - Credentials over V(none) to a host that is not this one draw a warning.
    type: str
    default: implicit
    choices:
      implicit: TLS from the first octet on, on a port of its own.
      starttls: The connection starts in clear text and is encrypted before anything of value is said.
      none: Clear text.
  dest:
    description:
      - Where to put the messages on the host that runs the task. A directory for O(format=maildir) and O(format=eml), a file for O(format=mbox).
        It is made if it is not there, for its owner alone.
      - Messages that were fetched before are not fetched again, see O(state).
      - Without it, messages are only looked at. What matches is returned, nothing is changed on the server, and no state is read or written.
    type: path
  format:
    description: How messages are kept in O(dest).
    type: str
    default: maildir
    choices:
      maildir:
        - One file for each message, octet for octet as the server sent it, with lines that end with CRLF. They come to be in C(new), by way of C(tmp).
        - Names are the seconds of the arrival, a digest that stands for the message, and the name of the host, with dots between them.
      mbox:
        - One file for all, in the variety called mboxrd. Lines end with LF.
        - The file is locked by fcntl and by a dot lock while a message is written to it.
          A dot lock of another program is waited for 10 seconds, and never removed.
      eml:
        - One file for each message, octet for octet, with lines that end with CRLF.
        - Names are the time of the arrival in UTC and a digest that stands for the message, such as C(20260203T040506Z-0123456789abcdef0123456789abcdef.eml).
  match:
    description:
      - What messages have to be like to be fetched or looked at. All conditions have to hold. The default is all messages.
      - Text is matched by regular expressions of Python, which may match anywhere and without regard to case, against the header as people see it.
        An expression that takes very long is not stopped.
      - Only headers are read for it, and whole messages where O(match.body) is given.
      - Messages that do not match are not remembered. Another task may fetch them.
    type: dict
    suboptions:
      from:
        description: Regular expression for C(From).
        type: str
      to:
        description: Regular expression for any of C(To) and C(Cc).
        type: str
      subject:
        description: Regular expression for C(Subject).
        type: str
      message_id:
        description: The C(Message-ID), or a regular expression for it. It has angle brackets around it.
        type: str
      since:
        description:
          - The earliest C(Date), as a day or a time in ISO 8601, in UTC unless it says otherwise, or as an age such as V(2d) or V(36h).
          - Where a message has no C(Date) that makes sense, the newest C(Received) counts. A message that has neither does not match.
        type: str
      header:
        description: Names of header fields, each with a regular expression for any of the fields with this name.
        type: dict
      body:
        description: Regular expression for the text, where C(^) and C($) match at each line. The text is made from the HTML if there is no other.
        type: str
      larger:
        description: Size that the message has to be above, such as V(10K). It is the size that the server tells.
        type: str
      smaller:
        description: Size that the message has to be below.
        type: str
  max_messages:
    description: How many messages to fetch in this run at most, the first ones by O(order). The default is all. The others are for the next run.
    type: int
  max_size:
    description: Messages that are larger are not fetched. They are listed in RV(skipped_messages) each time.
    type: str
    default: 64M
  max_parts:
    description: How many parts of a message are read. The rest is told in RV(broken). The message is kept whole.
    type: int
    default: 1000
  max_depth:
    description: How deep parts inside of parts are read. What is deeper is told in RV(broken). The message is kept whole.
    type: int
    default: 50
  order:
    description: Which messages to begin with.
    type: str
    choices: [newest, oldest]
    default: newest
  state:
    description:
      - File that remembers which messages were fetched, and where to. Several accounts may share it, one at a time. Another run that uses it is an error
        of kind V(busy).
      - The default is a file for each account in C($XDG_STATE_HOME/fleetproof/fetched) or C(~/.local/state/fleetproof/fetched).
      - It is written message by message, so that a run which is killed repeats nothing and leaves out nothing.
      - Messages that are no longer on the server are forgotten.
      - Without the file, all that is on the server is fetched again. In O(format=maildir) and O(format=eml) what is still there is not put there twice.
    type: path
  delete:
    description:
      - When to delete messages on the server, V(never), V(fetched), or the time since they were fetched, such as V(30d).
      - Needs O(dest). A message is deleted when it is on disk and synced, after all others were fetched. Messages that an earlier run has put into the
        same O(dest) are deleted as well, whether they match or not, when their time has come.
      - If O(dest) is gone, or was gone once, what had been put into it before is not deleted on the server unless it is seen to be there again.
        A warning tells.
      - Ages are taken by the clock of the host that runs the task.
    type: str
    default: never
  wait:
    description:
      - Seconds to keep looking until O(min_messages) messages match. With O(dest) or O(attachments_dest) only messages that were not fetched before count.
      - If that many do not come, the task fails with the kind V(timeout). What came is fetched and returned all the same.
    type: float
    default: 0
  min_messages:
    description: How many messages to wait for. Means nothing without O(wait).
    type: int
    default: 1
  attachments_dest:
    description:
      - Directory to save attachments in, made if it is not there. Names are made safe, and never lead out of it. A file that is there is never replaced.
      - Without O(dest) the attachments of all messages that match are saved, and the messages are remembered in O(state) for this purpose alone.
    type: path
  attachments:
    description: Patterns such as V(*.pdf) for the names of attachments that are saved, without regard to case.
    type: list
    elements: str
    default: ['*']
  bodies:
    description:
      - What is returned of the text of messages.
      - All texts that are returned have 64 MiB together at most. What is more is left out, and RV(truncated) says so.
    type: str
    default: text
    choices:
      none: Nothing. Without O(dest) and O(attachments_dest) only headers are read then, and RV(messages[].attachments) is empty.
      text: The text, made from the HTML if there is no other.
      all: The text and the HTML.
  max_listed:
    description: How many items of each list are returned. V(-1) returns all of them. Counts are of everything, always.
    type: int
    default: 1000
"""
