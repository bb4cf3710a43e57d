"""smtplib against 25 and 587. Facts come as JSON on standard input; an uncaught exception is the failure."""
import email.policy
import json
import smtplib
import ssl
import sys
from email.message import EmailMessage

facts = json.load(sys.stdin)
ports = facts["ports"]
alice, boris = facts["users"][0], facts["users"][1]
text = facts["text"]
trust = ssl.create_default_context(cafile=facts["caFile"])


def letter(sender, to, body):
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = "Проверка"
    message.set_content(body)
    return message


with smtplib.SMTP("localhost", ports["mx"], local_hostname="python.test") as smtp:
    smtp.ehlo()
    for extension in ("pipelining", "size", "8bitmime", "smtputf8", "chunking", "enhancedstatuscodes", "starttls", "dsn"):
        assert smtp.has_extn(extension), extension
    assert not smtp.has_extn("auth")
    smtp.starttls(context=trust)
    smtp.ehlo()
    assert not smtp.has_extn("starttls"), "RFC 3207 §4.2: not offered again"
    assert smtp.vrfy(alice["address"])[0] == 252
    assert smtp.noop()[0] == 250
    assert smtp.docmd("HELP")[0] in (211, 214)
    assert smtp.docmd("FLY")[0] == 500
    assert smtp.docmd("RCPT", "TO:<%s>" % alice["address"])[0] == 503
    refused = smtp.sendmail(
        "friend@far.test",
        [alice["address"], "nobody@gavan.test"],
        letter("friend@far.test", alice["address"], text + "-mx").as_bytes(policy=email.policy.SMTP),
    )
    assert refused["nobody@gavan.test"][0] == 550, refused
    smtp.rset()

with smtplib.SMTP("localhost", ports["submission"], local_hostname="python.test") as smtp:
    try:
        smtp.login(alice["address"], alice["password"])
        raise AssertionError("login in the clear")
    except smtplib.SMTPNotSupportedError:
        pass
    assert smtp.docmd("AUTH", "PLAIN AGFsaWNlAHB3")[0] == 530
    smtp.starttls(context=trust)
    smtp.login(alice["address"], alice["password"])
    smtp.send_message(letter(alice["address"], boris["address"], text + "-submission"))
    raw = "From: <%s>\r\nTo: undisclosed\r\nBcc: <%s>\r\nSubject: no date\r\n\r\n%s-bcc\r\n" % (
        alice["address"],
        boris["address"],
        text,
    )
    smtp.sendmail(alice["address"], [boris["address"]], raw)

with smtplib.SMTP("localhost", ports["submission"], local_hostname="python.test") as smtp:
    smtp.starttls(context=trust)
    try:
        smtp.login(alice["address"], "wrong")
        raise AssertionError("wrong password")
    except smtplib.SMTPAuthenticationError as error:
        assert error.smtp_code == 535, error
