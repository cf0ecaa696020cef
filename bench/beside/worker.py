"""worker.py PEER THREADS [OPTION...]: the process of one peer, which works only when bench/peers tells it to. Lines and answers are
those of exciton.c."""
import importlib
import os
import sys
import time

import block as blocks


def take_turn(call, untimed, timed):
    for _ in range(untimed):
        call()
    times = []
    for _ in range(timed):
        begin = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - begin) / 1e3)
    return times


class Worker:
    def __init__(self, peer):
        self.peer, self.opened = peer, None

    def open(self, folder, name, *sizes):
        self.close()
        block = blocks.read(folder, *map(int, sizes))
        self.opened = self.peer.open(block, folder)
        y = self.opened.first()
        y.tofile(os.path.join(folder, name))
        self.opened.call()
        return {"us": take_turn(self.opened.call, 1, 1)[0], "info": {**self.peer.info, **getattr(self.opened, "info", {})}}

    def turn(self, _, untimed, timed):
        return {"us": take_turn(self.opened.call, int(untimed), int(timed))}

    def close(self):
        if self.opened and hasattr(self.opened, "close"):
            self.opened.close()
        self.opened = None
        return {}


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1) # what libraries print goes with the errors

    def answer(ok, **members):
        print(blocks.to_json({"ok": ok, **members}), file=answers, flush=True)

    name, threads, *options = sys.argv[1:]
    try:
        worker = Worker(importlib.import_module("peer_" + name.replace("-", "_")).Peer(int(threads), *options))
    except Exception as failure: # whatever a package or a driver lacks
        answer(False, why=f"{type(failure).__name__}: {failure}")
        return 1
    answer(True)
    for line in sys.stdin:
        verb, *arguments = line.split()
        try:
            answer(True, **getattr(worker, verb)(*arguments))
        except Exception as failure:
            answer(False, why=f"{type(failure).__name__}: {failure}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
