# Copyright (c) 2026, the fleetproof.backup contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mail servers that people run: Postfix takes mail, Dovecot delivers it to Maildirs and shows it by POP3 and IMAP.

    python mail_real.py DIRECTORY [--users NAME,NAME…] [--while PATH] [--lifetime SECONDS]

listens on free ports of loopback addresses and writes ``DIRECTORY/mail_servers.json`` once all of them answer:

    {"ca": …, "domain": …, "password": …, "token": …, "maildirs": {user: directory},
     "hosts": {"good", "strict", "wrong_name", "expired", "unknown_ca"}, "ports": {"smtp", …}}

The users are ``NAME@bed.test``, all with one password; ``token`` is for XOAUTH2, and for the first user alone.
At the host ``strict`` Dovecot refuses to be told a password in clear text (it takes 127.0.0.1 for secure when
the client comes from there as well); ``wrong_name``, ``expired`` and ``unknown_ca`` show that certificate. The
ports are the same at each host: ``smtp`` (takes mail for the users, from anybody), ``submission`` (STARTTLS and a login
are a must), ``submissions``, ``pop3``, ``pop3s``, ``imap``, ``imaps``. No mail leaves it. It ends as ftpd.py does.
Root, Linux and apt-get are needed, and Dovecot 2.3.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import os
import pathlib
import re
import sys
import time
import typing as t

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from certificates import NAMES, make_certificates
from secluded import Secluded, free_ports
from serving import parser, tell, wait
from unpacked import NotToBeHad

DOMAIN = "bed.test"
PASSWORD = "correct horse"
USERS = ("fleet", "ops")
# Each host with the certificate that it shows.
HOSTS = {"good": "127.0.0.1", "strict": "127.0.0.2", "wrong_name": "127.0.0.3", "expired": "127.0.0.4", "unknown_ca": "127.0.0.5"}
CERTIFICATES = {"good": "good", "strict": "good", "wrong_name": "wrong_name", "expired": "expired", "unknown_ca": "unknown_ca"}
PORTS = ("smtp", "submission", "submissions", "pop3", "pop3s", "imap", "imaps")
ACCOUNTS = ("postfix", "postdrop", "dovecot", "dovenull", "vmail")
LARGEST = 8 * 1024 * 1024  # bytes of one message

_MAIN = """
compatibility_level = 3.6
queue_directory = {postfix}/queue
data_directory = {postfix}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log/postfix
maillog_file_prefixes = {folder}/log
myhostname = mail.{domain}
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_transport = error:no mail leaves the test bed
relay_transport = error:no mail leaves the test bed
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = inline:{{ {recipients} }}
virtual_transport = lmtp:unix:{dovecot}/lmtp
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = {dovecot}/postfix
smtpd_sasl_security_options = noanonymous
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_received_header = yes
smtpd_tls_cert_file = {tls}/good.pem
smtpd_tls_key_file = {tls}/good.key
smtputf8_enable = yes
message_size_limit = {largest}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_peername_lookup = no
disable_dns_lookups = yes
"""
_LOGIN = " -o smtpd_sasl_auth_enable=yes -o smtpd_relay_restrictions=permit_sasl_authenticated,reject"
_SERVICES = {"smtp": "", "submission": _LOGIN + " -o smtpd_tls_security_level=encrypt", "submissions": _LOGIN + " -o smtpd_tls_wrappermode=yes"}
_CERTIFICATE = " -o smtpd_tls_cert_file={tls}/{certificate}.pem -o smtpd_tls_key_file={tls}/{certificate}.key"
_MASTER = """
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
# Directories of the queue, with those of other modes than the rest
_QUEUE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")

# Without the penalty and the delay a wrong password costs two seconds, and later up to fifteen for every user of the address.
_DOVECOT = """
base_dir = {dovecot}
state_dir = {dovecot}
log_path = {folder}/log/dovecot
instance_name = bed
protocols = imap pop3 lmtp
listen = {addresses}
default_internal_user = dovecot
default_login_user = dovenull
default_internal_group = dovecot
ssl = yes
ssl_cert = <{tls}/good.pem
ssl_key = <{tls}/good.key
{locals}
auth_mechanisms = plain login cram-md5 apop xoauth2
disable_plaintext_auth = yes
auth_failure_delay = 0
mail_location = maildir:~/Maildir
mail_max_userip_connections = 100
first_valid_uid = 1000
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login cram-md5 apop
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
  default_fields = uid={vmail} gid={vmail} home={folder}/mail/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
}}
service auth {{
  unix_listener postfix {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@{domain}
}}
"""
_LOCAL = """local {address} {{
  ssl_cert = <{tls}/{certificate}.pem
  ssl_key = <{tls}/{certificate}.key
}}
"""
_OAUTH2 = """introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
username_attribute = sub
"""


class MailServers:
    """Postfix and Dovecot, for these users; raises NotToBeHad where this machine cannot have them."""

    def __init__(self, directory: t.Union[str, pathlib.Path], users: t.Sequence[str] = USERS) -> None:
        self.directory = pathlib.Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self.place = Secluded(self.directory / "mail_servers", ("postfix", "dovecot"), ACCOUNTS)
        self.certificates = make_certificates(self.directory / "tls", (*NAMES, *HOSTS.values()))
        self.users = [name if "@" in name else "%s@%s" % (name, DOMAIN) for name in users]
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self._delivered = itertools.count()

    def start(self) -> MailServers:
        """Start them; raises RuntimeError when one does not come up."""
        version = self.place.ask(["dovecot", "--version"])
        if not version.startswith("2.3."):
            raise NotToBeHad("Dovecot 2.3 is needed, and this is %s, which is configured otherwise" % version)
        self._write_postfix()
        self._write_dovecot()
        postfix, dovecot = self.place.folder / "postfix", self.place.folder / "dovecot.conf"
        self.place.start(["dovecot -F -c '%s' &" % dovecot, "/usr/lib/postfix/sbin/master -c '%s' -d &" % postfix])
        self.place.wait_for("Postfix or Dovecot", itertools.product(HOSTS.values(), self.ports.values()))
        return self

    def stop(self) -> None:
        """End them."""
        self.place.stop()

    def __enter__(self) -> MailServers:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def facts(self) -> t.Dict[str, t.Any]:
        """Where they are to be found."""
        return {
            "ca": str(self.certificates / "ca.pem"),
            "domain": DOMAIN,
            "password": PASSWORD,
            "token": self.token(self.users[0]),
            "hosts": HOSTS,
            "ports": self.ports,
            "maildirs": {user: str(self.maildir(user)) for user in self.users},
            "pid": os.getpid(),
        }

    def maildir(self, user: str) -> pathlib.Path:
        """Where the mail of a user is; Dovecot makes it when the first one comes."""
        return self.place.folder / "mail" / user.partition("@")[0] / "Maildir"

    def stored(self, user: str) -> t.List[bytes]:
        """The messages of a user as they are on disk, oldest first."""
        paths = [path for folder in ("new", "cur") for path in (self.maildir(user) / folder).glob("*")]
        return [path.read_bytes() for path in sorted(paths, key=lambda path: [int(word) for word in re.findall("[0-9]+", path.name)[:2]])]

    def deliver(self, user: str, raw: bytes) -> str:
        """Put a message into the Maildir of a user as it is, past both servers; its name there."""
        home = self.place.make("mail/" + user.partition("@")[0], "vmail", 0o700)
        for folder in (home / "Maildir", *(home / "Maildir" / name for name in ("tmp", "new", "cur"))):
            folder.mkdir(exist_ok=True)
            self.place.own(folder, "vmail")
        name = "%d.M%06dP%d.bed" % (time.time(), next(self._delivered), os.getpid())
        path = home / "Maildir" / "tmp" / name
        path.write_bytes(raw)
        self.place.own(path, "vmail")
        path.rename(home / "Maildir" / "new" / name)
        return name

    def token(self, user: str, lifetime: float = 86400) -> str:
        """What XOAUTH2 takes for a password: a JSON Web Token (RFC 7519) for a user, good for these seconds."""
        now = int(time.time())
        claims = {"sub": user, "iat": now - 10, "nbf": now - 10, "exp": now + int(lifetime)}
        signed = b".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
        return (signed + b"." + _base64url(hmac.new(self._key(), signed, hashlib.sha256).digest())).decode("ascii")

    def _key(self) -> bytes:
        return hashlib.sha256(str(self.directory).encode()).digest()

    # -- what they are told -----------------------------------------------------------------------

    def _words(self) -> t.Dict[str, t.Any]:
        folder = self.place.folder
        return {
            "folder": folder,
            "postfix": folder / "postfix",
            "dovecot": folder / "dovecot",
            "tls": self.certificates,
            "domain": DOMAIN,
            "vmail": self.place.ids["vmail"],
            "largest": LARGEST,
            **self.ports,
        }

    def _write_postfix(self) -> None:
        words = self._words()
        make = self.place.make
        for name in ("postfix", "log", "postfix/queue", "postfix/queue/pid"):
            make(name)
        make("postfix/data", "postfix")
        for name in _QUEUE:
            make("postfix/queue/" + name, "postfix", 0o700)
        make("postfix/queue/public", "postfix", 0o710, "postdrop")
        make("postfix/queue/maildrop", "postfix", 0o730, "postdrop")
        recipients = ", ".join("%s=ok" % user for user in self.users)
        self.place.write("postfix/main.cf", _MAIN.format(recipients=recipients, **words))
        lines = []
        for (name, address), (port, how) in itertools.product(HOSTS.items(), _SERVICES.items()):
            certificate = _CERTIFICATE.format(tls=self.certificates, certificate=CERTIFICATES[name])
            lines.append("%s:%d inet n - n - - smtpd%s%s" % (address, self.ports[port], how, certificate))
        self.place.write("postfix/master.cf", "\n".join(lines) + _MASTER)
        for name in ("main.cf", "master.cf"):
            # Postfix waits for files to come to rest that were written a moment ago.
            os.utime(words["postfix"] / name, (0, 0))

    def _write_dovecot(self) -> None:
        words = self._words()
        self.place.make("dovecot")
        self.place.make("mail", "vmail", 0o755)
        wrong = {HOSTS[name]: certificate for name, certificate in CERTIFICATES.items() if certificate != "good"}
        by_address = "".join(_LOCAL.format(address=address, certificate=certificate, **words) for address, certificate in wrong.items())
        self.place.write("dovecot.conf", _DOVECOT.format(addresses=", ".join(HOSTS.values()), locals=by_address, **words))
        users = "".join("%s:{PLAIN}%s::::::\n" % (user, PASSWORD) for user in self.users)
        self.place.write("users", users, "dovecot", 0o600)
        self.place.write("oauth2.conf", _OAUTH2.format(**words))
        self.place.write("keys/default/HS256/default", base64.b64encode(self._key()).decode("ascii"), "dovecot", 0o600)


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def main() -> None:
    """The command."""
    found = parser("Postfix and Dovecot for tests, on loopback.")
    found.add_argument("--users", default=",".join(USERS), help="names of users, separated by commas")
    options = found.parse_args()
    try:
        with MailServers(options.directory, options.users.split(",")) as servers:
            tell(servers.directory / "mail_servers.json", servers.facts())
            wait(options)
    except NotToBeHad as error:
        sys.exit("Postfix and Dovecot cannot be had: %s" % error)


if __name__ == "__main__":
    main()
