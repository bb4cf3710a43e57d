"""poplib on 110 and 995. Expects two letters in boris's inbox: facts["texts"]. Leaves it empty."""
import json
import poplib
import ssl
import sys

facts = json.load(sys.stdin)
ports = facts["ports"]
boris = facts["users"][1]
trust = ssl.create_default_context(cafile=facts["caFile"])

pop = poplib.POP3("localhost", ports["pop3"])
assert "USER" not in pop.capa(), "no passwords in the clear"
try:
    pop.user(boris["address"])
    pop.pass_(boris["password"])
    raise AssertionError("login in the clear")
except poplib.error_proto:
    pass
pop.stls(context=trust)
capabilities = pop.capa()
for name in ("USER", "UIDL", "TOP", "SASL", "RESP-CODES", "PIPELINING"):
    assert name in capabilities, (name, capabilities)
assert "STLS" not in capabilities
pop.encoding = "utf-8"
pop.user(boris["address"])
pop.pass_(boris["password"])
count, octets = pop.stat()
assert count == len(facts["texts"]), count
sizes = [int(line.split()[1]) for line in pop.list()[1]]
assert sum(sizes) == octets
uids = [line.split()[1] for line in pop.uidl()[1]]
assert len(set(uids)) == count
for number in range(1, count + 1):
    lines = pop.retr(number)[1]
    assert len(b"\r\n".join(lines)) + 2 == sizes[number - 1], "LIST tells the true size"
    assert any(facts["texts"][number - 1].encode() in line for line in lines)
    assert b".a line with a dot" in lines, "RFC 1939 §3: byte-stuffing undone"
    top = pop.top(number, 0)[1]
    assert top == lines[: lines.index(b"") + 1], "TOP n 0 is the header and the empty line"
pop.dele(1)
pop.rset()
assert pop.stat()[0] == count
pop.dele(1)
pop.close()  # No QUIT: RFC 1939 §6, nothing is deleted.

pop = poplib.POP3_SSL("localhost", ports["pop3s"], context=trust)
pop.encoding = "utf-8"
pop.user(boris["address"])
pop.pass_(boris["password"])
assert [line.split()[1] for line in pop.uidl()[1]] == uids, "UIDs stay"
for number in range(1, count + 1):
    pop.dele(number)
pop.quit()

pop = poplib.POP3_SSL("localhost", ports["pop3s"], context=trust)
pop.encoding = "utf-8"
pop.user(boris["address"])
pop.pass_(boris["password"])
assert pop.stat() == (0, 0)
pop.quit()
