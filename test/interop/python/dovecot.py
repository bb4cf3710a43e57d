"""Asks Dovecot's IMAP one command after another. Facts come as JSON on standard input; the untagged SORT or THREAD of each goes out as JSON."""
import json
import os
import subprocess
import sys

facts = json.load(sys.stdin)
imap = subprocess.Popen(
    [facts["imap"], "-c", facts["config"]],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.DEVNULL,
    env={**os.environ, "USER": "nobody"},
    cwd="/",
)
assert imap.stdout.readline().startswith(b"* PREAUTH")
answers = []
for number, command in enumerate(facts["commands"]):
    tag = "t%d" % number
    imap.stdin.write(("%s %s\r\n" % (tag, command)).encode())
    imap.stdin.flush()
    answer = None
    while True:
        line = imap.stdout.readline().decode().rstrip("\r\n")
        assert line, "dovecot has ended"
        if line.startswith(("* SORT", "* THREAD")):
            answer = line.rstrip()
        if line.startswith(tag + " "):
            assert line.startswith(tag + " OK"), (command, line)
            break
    answers.append(answer)
json.dump(answers, sys.stdout)
imap.kill()
