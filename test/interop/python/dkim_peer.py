"""dkimpy verifies letters, or seals one. Work comes as JSON on standard input, texts in Latin-1; DNS is a table in it."""
import json
import sys

import dkim

work = json.load(sys.stdin)
zone = {name + ".": record.encode() for name, record in work["zone"].items()}


def dns(name, timeout=5):
    return zone.get(name.decode() if isinstance(name, bytes) else name)


answer = []
for letter in work.get("verify", []):
    message = letter.encode("latin-1")
    count = sum(line.lower().startswith("dkim-signature:") for line in letter.split("\r\n\r\n", 1)[0].split("\r\n"))
    verifier = dkim.DKIM(message)
    results = []
    for index in range(count):
        try:
            results.append(verifier.verify(index, dnsfunc=dns))
        except dkim.DKIMException as error:
            results.append(str(error))
    answer.append(results)

if "seal" in work:
    message = work["seal"].encode("latin-1")
    for number, domain in enumerate(work["sealers"]):
        chain = b"none" if number == 0 else b"pass"
        results = b"Authentication-Results: mx.%s; arc=%s; spf=pass smtp.mailfrom=a.test\r\n" % (domain.encode(), chain)
        fields = dkim.arc_sign(
            results + message, b"arc", domain.encode(), work["key"].encode(), b"mx." + domain.encode(),
            include_headers=[b"from", b"subject"],
        )
        message = b"".join(fields) + message
    verdict, _, _ = dkim.arc_verify(message, dnsfunc=dns)
    answer = {"letter": message.decode("latin-1"), "says": verdict.decode()}

json.dump(answer, sys.stdout)
