"""Extensions that imaplib does not know, over TLS. Facts come as JSON on standard input; an uncaught exception is the failure."""
import imaplib
import json
import smtplib
import ssl
import sys
import zlib

facts = json.load(sys.stdin)
alice, boris = facts["users"][0], facts["users"][1]
trust = ssl.create_default_context(cafile=facts["caFile"])
imaplib.Commands.update({name: ("AUTH", "SELECTED") for name in ("COMPRESS", "IDLE", "UNAUTHENTICATE", "NOTIFY", "REPLACE")})


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


class Client(imaplib.IMAP4_SSL):
    """imaplib reads and writes through these four."""

    inflate = deflate = None
    plain = b""

    def start_compression(self):
        ok(self._simple_command("COMPRESS", "DEFLATE"))
        self.inflate = zlib.decompressobj(-15)
        self.deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.raw = 0

    def stop_compression(self):
        self.inflate = self.deflate = None

    def _more(self):
        octets = self.sock.recv(65536)
        assert octets, "closed"
        if self.inflate is None:
            self.plain += octets
        else:
            self.raw += len(octets)
            self.plain += self.inflate.decompress(octets)

    def read(self, size):
        while len(self.plain) < size:
            self._more()
        octets, self.plain = self.plain[:size], self.plain[size:]
        return octets

    def readline(self):
        while b"\n" not in self.plain:
            self._more()
        end = self.plain.index(b"\n") + 1
        return self.read(end)

    def send(self, data):
        if self.deflate is not None:
            data = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.sock.sendall(data)


def connect(user):
    imap = Client("localhost", facts["ports"]["imaps"], ssl_context=trust)
    ok(imap.login(user["address"], user["password"]))
    return imap


def letter(text):
    return ("From: <a@b.test>\r\nTo: <%s>\r\nSubject: %s\r\n\r\n%s\r\n" % (alice["address"], text, text * 2000)).encode()


def compression():
    imap = connect(alice)
    assert "COMPRESS=DEFLATE" in ok(imap.capability())[0].decode()
    imap.start_compression()
    assert "COMPRESS=DEFLATE" not in ok(imap.capability())[0].decode()
    ok(imap.create("Packed"))
    for number in range(3):
        ok(imap.append("Packed", None, None, letter("letter-%d " % number)))
    assert ok(imap.select("Packed")) == [b"3"]
    before = imap.raw
    parts = ok(imap.fetch("1:3", "(BODY.PEEK[])"))
    texts = [part[1] for part in parts if isinstance(part, tuple)]
    assert texts == [letter("letter-%d " % number) for number in range(3)]
    assert imap.raw - before < sum(map(len, texts)) / 10, (imap.raw - before, sum(map(len, texts)))

    # What others do arrives at once, compressed, while this one idles.
    imap.send(b"idle1 IDLE\r\n")
    assert imap.readline().startswith(b"+ ")
    other = connect(alice)
    ok(other.append("Packed", None, None, letter("letter-3 ")))
    assert imap.readline() == b"* 4 EXISTS\r\n"
    ok(other.select("Packed"))
    ok(other.store("1", "+FLAGS", r"(\Flagged)"))
    line = imap.readline()
    assert line == b"* 1 FETCH (UID 1 FLAGS (\\Flagged))\r\n", line
    other.logout()
    imap.send(b"DONE\r\n")
    assert imap.readline().startswith(b"idle1 OK")

    # RFC 8437: the connection is used again, by someone else, in the clear.
    imap.send(b"out1 UNAUTHENTICATE\r\n")
    assert imap.readline().startswith(b"out1 OK")
    imap.stop_compression()
    imap.state = "NONAUTH"
    ok(imap.login(boris["address"], boris["password"]))
    assert all(b"Packed" not in line for line in ok(imap.list()))
    imap.start_compression()
    ok(imap.noop())
    imap.logout()


def notifications():
    """RFC 5465, compressed: what others do is told while this client says nothing."""
    imap = connect(alice)
    other = connect(alice)
    ok(other.create("Heard"))
    ok(other.create("Unheard"))
    imap.start_compression()
    ok(imap.select("INBOX"))
    typ, _ = imap._simple_command(
        "NOTIFY", "SET", "(selected (MessageNew (UID PREVIEW) MessageExpunge))",
        "(mailboxes Heard (MessageNew MessageExpunge))", "(personal (MailboxName))",
    )
    assert typ == "OK", typ
    ok(other.append("Unheard", None, None, letter("nobody ")))
    ok(other.append("Heard", None, None, letter("somebody ")))
    line = imap.readline()
    assert line == b"* STATUS Heard (UIDNEXT 2 MESSAGES 1)\r\n", line
    ok(other.append("INBOX", None, None, b"Subject: x\r\n\r\nthe first words\r\n"))
    line = imap.readline()
    assert line.endswith(b" EXISTS\r\n"), line
    line = imap.readline()
    assert b'PREVIEW "the first words"' in line, line
    ok(other.create("Newborn"))
    line = imap.readline()
    assert line == b'* LIST (\\HasNoChildren) "/" Newborn\r\n', line
    imap.logout()
    other.logout()


def forwarding():
    """RFC 4469, RFC 4467, RFC 4468: an attachment goes on without having been here."""
    imap = connect(alice)
    words = b"a line of words\r\n" * 20000
    ok(imap.create("Kept"))
    ok(imap.append("Kept", None, None, b"Subject: large\r\n\r\n" + words))
    # imaplib has no CATENATE: the command by hand, with its literal.
    header = ("From: <%s>\r\nTo: <%s>\r\nSubject: forwarded\r\n\r\n" % (alice["address"], boris["address"])).encode()
    imap.send(b'cat1 APPEND Drafts (\\Draft) CATENATE (TEXT {%d+}\r\n%s URL "/Kept/;UID=1/;SECTION=TEXT")\r\n' % (len(header), header))
    line = imap.readline().decode()
    assert line.startswith("cat1 OK [APPENDUID "), line
    uid = line.split("]")[0].split()[-1]
    owner = alice["address"].replace("@", "%40")
    rump = "imap://%s@%s/Drafts/;UID=%s;URLAUTH=submit+%s" % (owner, imap.welcome.decode().split()[-2], uid, owner)
    imap.send(b'gen1 GENURLAUTH "%s" INTERNAL\r\n' % rump.encode())
    line = imap.readline().decode()
    assert line.startswith('* GENURLAUTH "' + rump + ":internal:"), line
    url = line.split('"')[1]
    assert imap.readline().startswith(b"gen1 OK")

    with smtplib.SMTP("localhost", facts["ports"]["submission"]) as smtp:
        smtp.starttls(context=trust)
        smtp.login(alice["address"], alice["password"])
        assert smtp.esmtp_features["burl"] == "imap", smtp.esmtp_features
        assert smtp.mail(alice["address"])[0] == 250
        assert smtp.rcpt(boris["address"])[0] == 250
        answer = smtp.docmd("BURL", url + " LAST")
        assert answer[0] == 250, answer

    theirs = connect(boris)
    ok(theirs.select("INBOX"))
    found = ok(theirs.search(None, "SUBJECT", "forwarded"))[0].split()
    assert len(found) == 1, found
    body = ok(theirs.fetch(found[0].decode(), "(BODY.PEEK[TEXT])"))[0][1]
    assert body == words, (len(body), len(words))

    # Corrected while nobody sees it half done (RFC 8508).
    ok(imap.select("Drafts"))
    text = b"Subject: corrected\r\n\r\nx\r\n"
    imap.send(b"rep1 UID REPLACE %s Drafts (\\Draft) {%d+}\r\n%s\r\n" % (uid.encode(), len(text), text))
    assert imap.readline().startswith(b"* OK [APPENDUID ")
    assert imap.readline() == b"* 1 EXPUNGE\r\n"
    assert imap.readline() == b"* 1 EXISTS\r\n"
    assert imap.readline().startswith(b"rep1 OK")
    assert ok(imap.search(None, "SUBJECT", "corrected")) == [b"1"]
    imap.logout()
    theirs.logout()


compression()
notifications()
forwarding()
