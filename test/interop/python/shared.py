"""Two accounts by imaplib, one mailbox: each sees what the other does. Facts come as JSON on standard input."""
import imaplib
import json
import ssl
import sys

facts = json.load(sys.stdin)
trust = ssl.create_default_context(cafile=facts["caFile"])
owner, guest = facts["owner"], facts["guest"]
THERE = '"Other Users/%s/Team"' % owner["address"]


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def refused(answer, code):
    assert answer[0] == "NO" and code in answer[1][0], answer


def sign_in(user):
    imap = imaplib.IMAP4_SSL("localhost", facts["ports"]["imaps"], ssl_context=trust)
    ok(imap.login(user["address"], user["password"]))
    return imap


def letter(text):
    return ("From: <a@b.test>\r\nSubject: %s\r\nMessage-ID: <%s@b.test>\r\n\r\n%s\r\n" % (text, text, text)).encode()


def everything(imap):
    """What the mailbox is to whoever looks: uids, flags, and every octet."""
    answer = ok(imap.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
    seen = {}
    for part in answer:
        if not isinstance(part, tuple):
            continue
        head = part[0].decode()
        uid = head.split("UID ")[1].split(" ")[0]
        flags = sorted(head.split("FLAGS (")[1].split(")")[0].split())
        date = head.split('INTERNALDATE "')[1].split('"')[0]
        seen[uid] = (flags, date, part[1])
    return seen


def lists(imap):
    return [line.decode() for line in ok(imap.list('""', '"*"')) if line is not None]


with sign_in(owner) as anna, sign_in(guest) as bert:
    assert b"Other Users/" in ok(bert.namespace())[0]
    assert "ACL" in anna.capabilities or b"ACL" in ok(anna.capability())[0]
    ok(anna.create("Team"))
    for text in ("one", "two", "three"):
        ok(anna.append("Team", None, None, letter(text)))

    # Nothing is given: nothing is there.
    assert not any("Other Users" in line for line in lists(bert))
    refused(bert.select(THERE), b"NONEXISTENT")
    refused(bert.myrights(THERE), b"NONEXISTENT")

    ok(anna.setacl("Team", guest["address"], "lrs"))
    assert guest["address"].encode() + b" lrs" in ok(anna.getacl("Team"))[0]
    assert ok(bert.myrights(THERE))[0].endswith(b" lrs")
    assert any(line.endswith(THERE) for line in lists(bert)), lists(bert)
    ok(bert.subscribe(THERE))
    assert any(THERE.strip('"') in line.decode() for line in ok(bert.lsub()))

    assert ok(anna.select("Team")) == [b"3"]
    assert ok(bert.select(THERE)) == [b"3"]
    assert everything(anna) == everything(bert)

    # He may mark as read, and no more.
    ok(bert.uid("STORE", "1", "+FLAGS", r"(\Seen)"))
    refused(bert.uid("STORE", "1", "+FLAGS", r"(\Flagged)"), b"NOPERM")
    refused(bert.append(THERE, None, None, letter("four")), b"NOPERM")
    refused(bert.expunge(), b"NOPERM")
    ok(anna.noop())
    assert everything(anna) == everything(bert)
    assert everything(anna)["1"][0] == ["\\Seen"]

    # Now he may write too.
    ok(anna.setacl("Team", guest["address"], "+wite"))
    ok(bert.append(THERE, r"(\Flagged)", None, letter("four")))
    ok(bert.uid("STORE", "2", "+FLAGS.SILENT", r"(\Deleted)"))
    ok(bert.expunge())
    ok(anna.uid("STORE", "3", "+FLAGS.SILENT", r"(\Answered $Forwarded)"))
    ok(bert.noop())
    ok(anna.noop())
    assert everything(anna) == everything(bert)
    assert sorted(everything(anna)) == ["1", "3", "4"], everything(anna)

    # IDLE: on another connection, and so on another thread, what she does is heard.
    bert.send(b"i1 IDLE\r\n")
    assert bert.readline().startswith(b"+")
    ok(anna.append("Team", None, None, letter("five")))
    heard = bert.readline()
    while b"EXISTS" not in heard:
        heard = bert.readline()
    assert heard.startswith(b"* 4 EXISTS"), heard
    bert.send(b"DONE\r\n")
    while not bert.readline().startswith(b"i1 OK"):
        pass

    # Letters go over, whole, and are the same letter by their id.
    first = everything(bert)["1"][2]
    ok(bert.uid("COPY", "1", "INBOX"))
    emailid = ok(bert.uid("FETCH", "1", "(EMAILID)"))[0].split(b"EMAILID (")[1].split(b")")[0]
    ok(bert.uid("MOVE", "3", "INBOX"))
    assert ok(bert.select("INBOX")) == [b"2"]
    mine = everything(bert)
    assert mine["1"][2] == first and mine["2"][2] == letter("three"), mine
    assert emailid in ok(bert.fetch("1", "(EMAILID)"))[0]
    ok(anna.noop())
    assert sorted(everything(anna)) == ["1", "4", "5"]

    # What her account holds is hers: her quota root, which he may see where he may read.
    root = ok(bert.getquotaroot(THERE))
    assert owner["address"].encode() in root[0][0], root

    # It ends when she says so.
    ok(bert.select(THERE))
    ok(anna.deleteacl("Team", guest["address"]))
    try:
        bert.noop()
        bert.noop()
        raise AssertionError("a session on a mailbox that is no longer shared")
    except imaplib.IMAP4.abort:
        pass

with sign_in(guest) as bert:
    refused(bert.select(THERE), b"NONEXISTENT")
    assert not any("Other Users" in line and "NonExistent" not in line for line in lists(bert)), lists(bert)
