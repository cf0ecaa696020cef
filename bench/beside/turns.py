"""Processes that take turns: one works, all others are stopped (SIGSTOP), so that no thread pool of theirs spins meanwhile."""
import contextlib
import json
import os
import select
import signal
import subprocess
import time


class Refused(Exception):
    """What a process said it can't do."""


class Process:
    def __init__(self, name, command, environment, log, stops=True):
        self.name, self.rest, self.stops = name, b"", stops
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, start_new_session=True)

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def read_line(self, seconds):
        deadline = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Refused(f"no answer within {seconds} s")
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                raise Refused(f"ended, status {self.process.wait()}")
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def answer(self, seconds):
        """Of what it was last told; then it is stopped."""
        try:
            answer = self.read_line(seconds)
        finally:
            if self.stops:
                self.signal(signal.SIGSTOP)
        if not answer.get("ok"):
            raise Refused(answer.get("why", "no reason given"))
        return answer

    def ask(self, line, seconds=300):
        self.signal(signal.SIGCONT)
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except OSError as failure:
            raise Refused(f"ended: {failure}") from failure
        return self.answer(seconds)

    def end(self):
        self.signal(signal.SIGCONT)
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def held(command):
    """Runs what is inside while `command`, which is given a command to run, runs: for machines that several people measure on,
    a lock such as `flock FILE`. None: at once."""
    if not command:
        yield
        return
    holder = subprocess.Popen([*command, "sh", "-c", "echo held; cat >/dev/null"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if holder.stdout.readline() != b"held\n":
            raise SystemExit(f"peers: {command[0]} ended, status {holder.wait()}")
        yield
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()
