"""A letter with SMTPUTF8 through 587 to facts["to"]."""
import json
import smtplib
import ssl
import sys
from email.headerregistry import Address
from email.message import EmailMessage

facts = json.load(sys.stdin)
alice = facts["users"][0]
message = EmailMessage()
message["From"] = Address("Алиса", addr_spec=alice["address"])
message["To"] = facts["to"]
message["Subject"] = "Письмо " + facts["text"]
message.set_content(facts["text"])

with smtplib.SMTP("localhost", facts["ports"]["submission"], local_hostname="python.test") as smtp:
    smtp.starttls(context=ssl.create_default_context(cafile=facts["caFile"]))
    smtp.login(alice["address"], alice["password"])
    smtp.send_message(message, to_addrs=[facts["to"]])
