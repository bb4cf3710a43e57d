"""imaplib on 143 and 993. Facts come as JSON on standard input; an uncaught exception is the failure."""
import imaplib
import json
import ssl
import sys
import time

facts = json.load(sys.stdin)
ports = facts["ports"]
alice = facts["users"][0]
trust = ssl.create_default_context(cafile=facts["caFile"])
imaplib.Debug = 0


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def letter(text):
    return ("From: <a@b.test>\r\nTo: <%s>\r\nSubject: %s\r\n\r\nBody of %s\r\n" % (alice["address"], text, text)).encode()


with imaplib.IMAP4("localhost", ports["imap"]) as imap:
    assert "LOGINDISABLED" in imap.capabilities, imap.capabilities
    try:
        imap.login(alice["address"], alice["password"])
        raise AssertionError("login in the clear")
    except imaplib.IMAP4.error:
        pass
    ok(imap.starttls(ssl_context=trust))
    assert "LOGINDISABLED" not in imap.capabilities, imap.capabilities
    ok(imap.login(alice["address"], alice["password"]))
    names = [line.decode() for line in ok(imap.list())]
    for name in ("INBOX", "Sent", "Drafts", "Junk", "Trash", "Archive"):
        assert any(line.endswith(name) or line.endswith('"%s"' % name) for line in names), (name, names)
    for use in ("\\Sent", "\\Drafts", "\\Junk", "\\Trash", "\\Archive"):
        assert any(use in line for line in names), (use, names)

    ok(imap.create("Python"))
    ok(imap.subscribe("Python"))
    for number in range(3):
        when = imaplib.Time2Internaldate(time.time() - number * 86400)
        ok(imap.append("Python", r"(\Seen)" if number == 0 else None, when, letter("letter-%d" % number)))
    assert ok(imap.select("Python")) == [b"3"]
    assert ok(imap.search(None, "UNSEEN")) == [b"2 3"]
    assert ok(imap.search(None, "SUBJECT", '"letter-1"')) == [b"2"]
    assert ok(imap.search(None, "BODY", '"body of LETTER-2"')) == [b"3"]
    # No Date in the letters: by internal date, which goes back a day with each.
    offered = ok(imap.capability())[0].split()
    assert b"SORT" in offered and b"THREAD=REFERENCES" in offered, offered
    assert ok(imap.sort("(DATE)", "UTF-8", "ALL")) == [b"3 2 1"]
    assert ok(imap.sort("(REVERSE SUBJECT)", "US-ASCII", "NOT", "SUBJECT", "letter-1")) == [b"3 1"]
    assert ok(imap.uid("SORT", "(SUBJECT)", "UTF-8", "ALL")) == [b"1 2 3"]
    assert ok(imap.thread("REFERENCES", "UTF-8", "ALL")) == [b"(3)(2)(1)"]
    assert ok(imap.thread("ORDEREDSUBJECT", "UTF-8", "1:2")) == [b"(2)(1)"]
    assert ok(imap.uid("THREAD", "REFS", "UTF-8", "ALL")) == [b"(3)(2)(1)"]
    parts = ok(imap.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
    assert parts[0][1] == letter("letter-0"), parts
    assert b"\\Seen" in parts[0][0] + parts[1], parts
    structure = ok(imap.fetch("2", "(ENVELOPE BODYSTRUCTURE)"))[0]
    assert b'"letter-1"' in structure and b'"TEXT" "PLAIN"' in structure.upper(), structure
    ok(imap.store("2", "+FLAGS", r"(\Flagged $Forwarded)"))
    assert b"\\Flagged" in ok(imap.fetch("2", "(FLAGS)"))[0]
    ok(imap.copy("1:2", "Archive"))
    ok(imap.store("3", "+FLAGS.SILENT", r"(\Deleted)"))
    assert ok(imap.expunge()) == [b"3"]
    ok(imap.uid("MOVE", "1:*", "Trash"))
    assert ok(imap.search(None, "ALL")) in ([b""], [None])
    ok(imap.close())
    status = ok(imap.status("Archive", "(MESSAGES UNSEEN)"))[0]
    assert b"MESSAGES 2" in status and b"UNSEEN 1" in status, status
    ok(imap.rename("Python", "&BBcEPAQ1BE8-"))  # Змея
    ok(imap.delete("&BBcEPAQ1BE8-"))
    ok(imap.noop())

with imaplib.IMAP4_SSL("localhost", ports["imaps"], ssl_context=trust) as imap:
    ok(imap.authenticate("PLAIN", lambda _: ("\0%s\0%s" % (alice["address"], alice["password"])).encode()))
    ok(imap.enable("UTF8=ACCEPT"))
    ok(imap.select("INBOX", readonly=True))
    try:
        imap.store("1", "+FLAGS", r"(\Seen)")
    except imaplib.IMAP4.readonly:
        pass
    ok(imap.unselect())

with imaplib.IMAP4_SSL("localhost", ports["imaps"], ssl_context=trust) as imap:
    try:
        imap.login(alice["address"], "wrong")
        raise AssertionError("wrong password")
    except imaplib.IMAP4.error as error:
        assert "AUTHENTICATIONFAILED" in str(error), error
