#!/usr/bin/python

# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: smtp_report
short_description: Send one mail, once
version_added: 1.0.0
author: The fleetproof.backup contributors (@fleetproof)
description:
  - Sends a mail with text, HTML, inline pictures and attachments, and tells what became of each recipient.
  - The same mail to the same people is sent one time. A ledger remembers who has it, so that a play can be run again after any failure,
    and only those get the mail who do not have it yet.
  - The connection is encrypted and the server's certificate is checked. Nothing falls back to clear text.
  - In check mode everything is tried for real but the mail itself, see O(probe).
  - Takes every option of C(community.general.mail) with the same meaning, so that a task for that module works after changing its name
    and, if its server offers no TLS, adding O(tls=none).
  - Needs nothing but Python on the host that runs the task, unless O(sign) is given.
requirements:
  - The Python library C(dkimpy), and C(PyNaCl) for Ed25519 keys, for O(sign.dkim).
  - The Python library C(cryptography) of version 3.2 or later, for O(sign.smime) and for keys that are encrypted.
extends_documentation_fragment:
  - fleetproof.backup.attributes
  - fleetproof.backup.attributes.actiongroup_smtp
  - fleetproof.backup.connection
attributes:
  idempotent:
    support: full
    description: When run twice in a row outside check mode with the same arguments, the second run sends nothing. O(send=always) asks for the opposite.
options:
  port:
    description:
      - Port of the server.
      - The default is V(587) for O(tls=starttls), V(465) for O(tls=implicit), V(25) for O(tls=none), and V(25) for O(secure=try).
    type: int
  auth:
    description:
      - How to log in when O(username) is given.
      - V(auto) takes V(xoauth2) if there is an O(oauth_token), else what the server offers of V(plain), V(login) and V(cram-md5), in this order.
        In clear text V(cram-md5) comes first, because it does not show the password.
    type: str
    choices: [auto, plain, login, cram-md5, xoauth2]
    default: auto
  oauth_token:
    description: OAuth 2.0 access token to log in with in place of O(password).
    type: str
  secure:
    description:
      - The name that other mail modules have for O(tls), which cannot be given beside it.
    type: str
    choices:
      always: The same as O(tls=implicit).
      starttls: The same as O(tls=starttls).
      never: The same as O(tls=none).
      try:
        - TLS from the start if O(port=465), else STARTTLS if the server offers it.
        - If it does not offer it, the mail goes in clear text with a warning, but never when O(username) is given. That is an error then.
        - TLS that was begun and fails is an error, as always.
  ehlo_host:
    description:
      - Name by which to introduce this machine to the server.
      - The default is its name if that is a full one, else its address.
    type: str
    aliases: [ehlohost]
  sender:
    description: Who the mail is from, such as V(Fleet <fleet@example.com>). Failure notices go there as well.
    type: str
    aliases: [from]
    default: root
  to:
    description:
      - Who the mail is to. Addresses may have names, as in V(Ops Team <ops@example.com>).
      - One item for each address. Commas separate addresses as well.
    type: list
    elements: str
    aliases: [recipients]
    default: [root]
  cc:
    description: Who gets a copy.
    type: list
    elements: str
    default: []
  bcc:
    description: Who gets a copy that the others do not see. They are named to the server alone, never in the mail.
    type: list
    elements: str
    default: []
  reply_to:
    description: Who gets the answers, if not the sender.
    type: list
    elements: str
    default: []
  subject:
    description: Subject of the mail.
    type: str
    required: true
    aliases: [msg]
  body:
    description:
      - Text of the mail.
      - With O(html) and without O(body) the text is made from the HTML, with its tables, lists and links.
      - Without either the subject is the text.
    type: str
  subtype:
    description: V(html) says that O(body) is HTML, as other mail modules have it. The same as giving it in O(html).
    type: str
    choices: [plain, html]
    default: plain
  html:
    description:
      - The mail in HTML. Mail programs show it or O(body), whichever their readers like better.
      - Pictures in O(inline) are shown where it says C(<img src="cid:name">).
    type: str
  charset:
    description:
      - Charset of text, HTML, subject and names, such as V(gbk) for readers with mail programs of that age.
      - What the charset cannot hold goes in UTF-8, so that no character is lost.
    type: str
    default: utf-8
  inline:
    description:
      - Pictures for O(html). Each item is a path on the host that runs the task, or a dictionary as for O(attach).
      - V(cid) is the name by which the HTML calls the picture. The default is its file name.
    type: list
    elements: raw
    default: []
  attach:
    description:
      - Files to attach. Each item is a path on the host that runs the task, or a dictionary.
      - The dictionary has one of V(path), V(content) (text) and V(content_b64) (anything, in base64).
      - Beside that it may have V(name) (the file name that the reader sees), V(mime_type) (the default follows from the name) and V(cid).
      - Names beyond ASCII are written by RFC 2231, and once more by RFC 2047 in O(charset), which is what mail programs of the GBK era read.
    type: list
    elements: raw
    default: []
  headers:
    description:
      - More header fields, as a dictionary. A list is a field several times.
      - A list of C(Name=value) works as well.
      - Fields that other options make, such as From, Bcc and Message-ID, are refused.
    type: raw
    default: {}
  priority:
    description: How the mail is marked.
    type: str
    choices: [low, normal, high]
  message_id_domain:
    description:
      - Domain in the Message-ID.
      - The default is the domain of O(sender), or V(ansible) if it has none.
    type: str
  dsn:
    description:
      - Which notifications the mail servers on the way are to send to O(sender) (RFC 3461).
      - A server that does not offer this draws a warning. Needs O(transport=smtp).
    type: dict
    suboptions:
      notify:
        description: When to notify. V(never) stands alone.
        type: list
        elements: str
        choices: [never, success, failure, delay]
        default: [failure]
      return:
        description: What of the mail comes back with a failure.
        type: str
        choices: [headers, full]
        default: headers
  transport:
    description: Which way the mail goes.
    type: str
    choices:
      smtp: To the server at O(host).
      sendmail: To the C(sendmail) program of this host. It takes the mail for all recipients or for none.
      maildir: Into the Maildir O(path), which is made if it is not there.
      eml: Into the file O(path), or into a file called after the Message-ID if it is a directory.
    default: smtp
  path:
    description: Where to, for O(transport=maildir) and O(transport=eml); or the program, for O(transport=sendmail), which is found without.
    type: path
  send:
    description:
      - Whether a mail that was sent is sent again.
      - It is the same mail if recipients, subject, bodies and attachments are the same. Its Message-ID is made from these, so that
        receivers can tell a repeated delivery from a new mail.
    type: str
    choices:
      once: Send it to those who do not have it yet.
      always: Send it whatever was sent before, with a Message-ID of its own each time.
    default: once
  ledger:
    description:
      - File that remembers which mails were sent to whom. It is made if it is not there, for its owner alone, with a C(.lock) file beside it.
      - The default is C(fleetproof/mail-ledger.jsonl) in E(XDG_STATE_HOME) or C(~/.local/state) of the user who runs the task.
      - Holds addresses, Message-IDs and digests, no subjects and no bodies.
    type: path
  on_unknown:
    description:
      - What to do about recipients of whom it is not known whether they have the mail, because the connection or the run
        was cut off between handing the mail over and hearing the answer, or because C(sendmail) ended with status 75,
        which says that it failed for now and leaves open whether it keeps the mail.
    type: str
    choices:
      fail: Do not send it to them, and fail. The message tells what to look for.
      resend: Send it again, with the same Message-ID.
      assume_sent: Take it that they have it.
    default: fail
  probe:
    description:
      - Whether check mode connects to the server, encrypts, logs in and names sender and recipients, which is all but sending the mail.
      - With V(false) check mode makes the mail and takes it that the server would accept it.
    type: bool
    default: true
  sign:
    description:
      - Sign the mail, so that its readers or their servers can prove who sent it and that it is what was sent.
      - O(sign.dkim) and O(sign.smime) can be given together. S/MIME signs first then, and DKIM signs the whole.
      - The libraries have to be on the host that runs the task. A library that is missing, a key or a certificate that does not serve is an
        error before anything is sent, in check mode as well. Keys are read when there is a mail to send.
      - A signature does not make another mail of a mail. One that was sent without a signature is not sent again for the sake of it, see O(send).
      - Text that is known to be altered on the way (white space at the end of a line, a line that begins with the word From) is encoded.
      - A mail is signed in memory, which takes several times its size.
    type: dict
    suboptions:
      dkim:
        description:
          - Sign in the name of a domain (RFC 6376), by C(rsa-sha256) or C(ed25519-sha256) as the key is. Mail servers check it against
            the public key in DNS.
          - Header and body are canonicalised as C(relaxed). The body is signed to its end, and the time of the signature is that of the mail.
        type: dict
        suboptions:
          domain:
            description: The domain that signs. One that is neither the domain of O(sender) nor above it draws a warning.
            type: str
            required: true
          selector:
            description: The name of the key. Its public half is the TXT record C(SELECTOR._domainkey.DOMAIN).
            type: str
            required: true
          private_key:
            description:
              - The key in PEM, RSA of at least 1024 bits or Ed25519. For Ed25519 its 32 octets in base64 do as well.
              - One of this and O(sign.dkim.private_key_path) is needed.
            type: str
          private_key_path:
            description: File with the key, on the host that runs the task.
            type: path
          passphrase:
            description: Opens the key, if it is encrypted.
            type: str
          oversign:
            description:
              - Header fields that are signed once more than they are there, so that the signature is broken when another one is added.
              - From is always one of them.
            type: list
            elements: str
            default: [From, Reply-To, To, Cc, Subject, Date, Message-ID, MIME-Version, Content-Type]
      smime:
        description:
          - Sign in the name of a person or a service (RFC 8551), with SHA-256. Mail programs check it against the issuers that they trust.
          - The mail stays readable for programs that know nothing of it (C(multipart/signed)). Text, pictures and attachments are signed, and
            the header, subject included, is not.
        type: dict
        suboptions:
          certificate:
            description:
              - The certificate in PEM. Others may follow it, as in O(sign.smime.chain).
              - One of this and O(sign.smime.certificate_path) is needed.
              - An expired certificate is an error. One for another address than that of O(sender), or not for mail, draws a warning.
            type: str
          certificate_path:
            description: File with the certificate, on the host that runs the task.
            type: path
          chain:
            description: Certificates in PEM that lead to the issuer which readers trust. They are sent along.
            type: str
          chain_path:
            description: File with these certificates, on the host that runs the task.
            type: path
          private_key:
            description:
              - The key of the certificate in PEM, RSA or of an elliptic curve.
              - One of this and O(sign.smime.private_key_path) is needed.
            type: str
          private_key_path:
            description: File with the key, on the host that runs the task.
            type: path
          passphrase:
            description: Opens the key, if it is encrypted.
            type: str
  save_to:
    description: File to keep the mail in as it was sent, signature included, or a directory for a file called after the Message-ID. Written after sending.
    type: path
"""

EXAMPLES = r"""
- name: Tell somebody
  fleetproof.backup.smtp_report:
    host: mail.example.com
    username: fleet
    password: "{{ mail_password }}"
    sender: Fleet <fleet@example.com>
    to: ops@example.com
    subject: The backups of {{ inventory_hostname }} are good
    body: All files are there, and all are what they were.

- name: Send an HTML report with a chart in it and a spreadsheet attached, also for mail programs of the GBK era
  fleetproof.backup.smtp_report:
    host: mail.example.com
    sender: Fleet <fleet@example.com>
    to:
      - 值班 <duty@example.com>
      - Ops Team <ops@example.com>
    bcc: archive@example.com
    subject: 每周备份报告
    charset: gbk
    html: |
      <h1>每周备份报告</h1>
      <table><tr><th>主机</th><th>结果</th></tr><tr><td>web1</td><td>好</td></tr></table>
      <img src="cid:trend" alt="Trend">
    inline:
      - path: /var/lib/fleetproof/trend.png
        cid: trend
    attach:
      - path: /var/lib/fleetproof/report.xlsx
        name: 每周备份报告.xlsx

- name: See whether the mail would be accepted, without sending it
  fleetproof.backup.smtp_report:
    host: mail.example.com
    to: ops@example.com
    sender: fleet@example.com
    subject: Nightly report
  check_mode: true

- name: Send to a server on this host that offers no TLS, with the option names of community.general.mail
  fleetproof.backup.smtp_report:
    host: localhost
    port: 25
    secure: never
    from: fleet@example.com
    recipients: ops@example.com
    msg: Nightly report
    attach: /etc/hostname
    headers:
      - Reply-To=duty@example.com
      - X-Job=nightly

- name: Keep the mail in a file, to look at it
  fleetproof.backup.smtp_report:
    transport: eml
    path: /tmp/report.eml
    sender: fleet@example.com
    to: ops@example.com
    subject: Nightly report
    html: <p>All <b>good</b>.</p>

- name: Log in by OAuth 2.0 and ask for a notice when the mail is delivered or fails
  fleetproof.backup.smtp_report:
    host: smtp.example.com
    username: fleet@example.com
    oauth_token: "{{ token }}"
    sender: fleet@example.com
    to: ops@example.com
    subject: Nightly report
    dsn:
      notify: [success, failure]

- name: Sign in the name of the domain, with a key from the vault
  fleetproof.backup.smtp_report:
    host: mail.example.com
    sender: Fleet <fleet@example.com>
    to: ops@example.com
    subject: Nightly report
    sign:
      dkim:
        domain: example.com
        selector: fleet2026
        private_key: "{{ vault_dkim_key }}"

- name: Sign so that the readers' mail programs show who sent it, and in the name of the domain
  fleetproof.backup.smtp_report:
    host: mail.example.com
    sender: Fleet <fleet@example.com>
    to: ops@example.com
    subject: Nightly report
    sign:
      smime:
        certificate_path: /etc/fleetproof/fleet.pem
        private_key_path: /etc/fleetproof/fleet.key
        passphrase: "{{ vault_fleet_passphrase }}"
        chain_path: /etc/fleetproof/issuers.pem
      dkim:
        domain: example.com
        selector: fleet2026
        private_key_path: /etc/fleetproof/dkim.key
"""

RETURN = r"""
state:
  description:
    - V(sent) if somebody got the mail now, or would get it in check mode.
    - V(skipped) if all have had it before.
    - V(unknown) if it is not known whether some got it, see O(on_unknown). The task fails.
    - V(failed) if nobody got it now and the task fails.
  returned: always, unless the options are wrong
  type: str
  sample: sent
message_id:
  description: Message-ID of the mail. The same mail has the same one, unless O(send=always).
  returned: always, unless the options are wrong
  type: str
  sample: <295e7d74c910bf45819cbae862be815482c51f9b@example.com>
accepted:
  description: Recipients who have the mail, from this run or an earlier one. In check mode also those who would get it.
  returned: always, unless the options are wrong
  type: list
  elements: str
  sample: [ops@example.com]
refused:
  description:
    - Recipients who were refused, with the reply of the server. The others get the mail all the same, and the task fails.
    - Temporary refusals are in it when they did not pass within O(retries).
    - With O(transport=sendmail) the code is the exit status of the program.
  returned: always, unless the options are wrong
  type: dict
  sample:
    nobody@example.com:
      code: 550
      message: 5.1.1 No such user
unknown:
  description: Recipients of whom it is not known whether they have the mail.
  returned: when O(on_unknown=fail) and there are some
  type: list
  elements: str
  sample: [ops@example.com]
size:
  description: Size of the mail in octets, as the SIZE extension of SMTP counts it.
  returned: always, unless the options are wrong
  type: int
  sample: 18734
signed:
  description: By whom the mail is signed.
  returned: when O(sign) is given and there was somebody to send it to
  type: dict
  contains:
    dkim:
      description: The DKIM signature.
      type: dict
      returned: when O(sign.dkim) is given
      contains:
        domain:
          description: The domain that signs.
          type: str
          sample: example.com
        selector:
          description: The name of the key.
          type: str
          sample: fleet2026
        algorithm:
          description: V(rsa-sha256) or V(ed25519-sha256).
          type: str
          sample: rsa-sha256
    smime:
      description: The certificate of the S/MIME signature.
      type: dict
      returned: when O(sign.smime) is given
      contains:
        subject:
          description: Whose it is.
          type: str
          sample: CN=Fleet,O=Example
        serial_number:
          description: Its serial number, in hexadecimal.
          type: str
          sample: 5f3a09c1
        not_after:
          description: When it expires.
          type: str
          sample: "2027-02-03T04:05:06Z"
        addresses:
          description: The mail addresses that it is for.
          type: list
          elements: str
          sample: [fleet@example.com]
server:
  description: The server that was talked to.
  returned: when there was a connection, or with O(transport=sendmail) a program
  type: dict
  contains:
    name:
      description: What the server calls itself.
      type: str
      sample: mail.example.com
    tls_version:
      description: Version of TLS. V(null) in clear text.
      type: str
      sample: TLSv1.3
    cipher:
      description: Cipher of the connection. V(null) in clear text.
      type: str
      sample: TLS_AES_256_GCM_SHA384
error:
  description: What kind of failure it was.
  returned: failure
  type: dict
  contains:
    kind:
      description: One of V(argument), V(not_found), V(permission), V(no_space), V(busy), V(changed_underfoot), V(resolve), V(connect), V(timeout),
        V(tls), V(auth), V(protocol), V(refused), V(integrity), V(unsafe), V(dependency).
      type: str
      sample: refused
    retryable:
      description: Whether the same task may well succeed later with nothing else changed.
      type: bool
      sample: false
"""

import typing as t

from ansible_collections.fleetproof.backup.plugins.module_utils._mail.report import SPEC, report
from ansible_collections.fleetproof.backup.plugins.module_utils._module import run


def main() -> t.NoReturn:
    """Send one mail, once."""
    run(SPEC, report)


if __name__ == "__main__":
    main()
