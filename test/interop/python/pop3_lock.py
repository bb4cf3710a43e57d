"""poplib: many at once for one mailbox, of which one gets in at a time (RFC 1939 section 4)."""
import os
import poplib
import ssl

context = ssl.create_default_context(cafile=os.environ["CA"])


def dial():
    return poplib.POP3_SSL("localhost", int(os.environ["POP3S"]), context=context)


def enter(client):
    client.user(os.environ["LOGIN"])
    return client.pass_(os.environ["PASSWORD"])


first = dial()
capabilities = first.capa()
for name in ("LANG", "UTF8", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "EXPIRE", "LOGIN-DELAY", "IMPLEMENTATION"):
    assert name in capabilities, capabilities
assert "OAUTHBEARER" in capabilities["SASL"], capabilities
enter(first)
# The system spreads them over the threads.
others = [dial() for _ in range(8)]
for other in others:
    try:
        enter(other)
        raise AssertionError("two are in")
    except poplib.error_proto as error:
        assert b"[IN-USE]" in error.args[0], error
first.quit()
assert enter(others[0]).startswith(b"+OK")
try:
    enter(others[1])
    raise AssertionError("two are in")
except poplib.error_proto as error:
    assert b"[IN-USE]" in error.args[0], error
# Without a word: the mailbox is free all the same.
others[0].close()
for _ in range(100):
    try:
        enter(others[1])
        break
    except poplib.error_proto as error:
        assert b"[IN-USE]" in error.args[0], error
else:
    raise AssertionError("still locked")
for other in others[1:]:
    other.quit()
print("ok")
