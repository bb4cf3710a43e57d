"""imaplib with a bearer token (RFC 7628). Prints what came of it."""
import imaplib
import json
import os
import ssl

context = ssl.create_default_context(cafile=os.environ["CA"])
client = imaplib.IMAP4_SSL("localhost", int(os.environ["IMAPS"]), ssl_context=context)
assert "AUTH=OAUTHBEARER" in client.capabilities, client.capabilities
login, token = os.environ["LOGIN"], os.environ["TOKEN"]
message = f"n,a={login},\x01host=localhost\x01port={os.environ['IMAPS']}\x01auth=Bearer {token}\x01\x01"
error = ""


def answer(challenge):
    global error
    if challenge == b"":
        return message.encode()
    error = challenge.decode()
    return b"\x01"


try:
    status, said = client.authenticate("OAUTHBEARER", answer)
    client.select("INBOX")
    text = said[0].decode()
except imaplib.IMAP4.error as failure:
    status, text = "NO", str(failure)
client.logout()
print(json.dumps({"status": status, "error": error, "said": text}))
