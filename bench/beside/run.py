"""Starts a process for each peer and device, and lets them take turns, shape by shape."""
import contextlib
import json
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

import block as blocks
import figures
import machines
import options
import page
import prepare
import tables
from turns import Process, Refused, held

MOST_ROUNDS = 200


class Bench:
    def __init__(self, chosen, folder):
        self.chosen, self.folder = chosen, folder
        self.processes, self.absent, self.info = {}, {}, {}
        self.random = random.Random(1)
        self.cache = os.path.join(folder, "cache") # new, so that nothing measured earlier counts
        os.mkdir(self.cache, 0o700)

    # ---- processes

    def start(self, name, driver, command):
        environment = {**os.environ, "TORCHINDUCTOR_COMPILE_THREADS": "1", "TORCHINDUCTOR_CACHE_DIR": os.path.join(self.folder, "inductor")}
        log = os.path.join(self.folder, f"{name}.log")
        process = None
        try:
            process = Process(name, [str(prepare.ROOT / "ci/with-driver"), driver, "--", *map(str, command)], environment, log, not self.chosen.no_stop)
            process.answer(120)
            self.processes[name] = process
        except (OSError, Refused) as failure:
            self.absent[name] = str(failure)
            prepare.say(f"{name}: left out: {failure}")
            if process:
                process.end()

    def start_all(self, library, programs):
        threads = len(os.sched_getaffinity(0))
        worker = [prepare.PYTHON, "-B", prepare.HERE / "worker.py"]
        for device in self.chosen.devices:
            self.start(f"exciton {device}", device, [programs["exciton"], device, threads, self.cache])
            if f"exciton {device}" in self.processes:
                self.start(f"exciton {device}, Python", device, [*worker, "exciton", threads, library, device, self.cache])
        for peer in self.chosen.peers:
            if peer == "clblast" and not programs[peer]:
                self.absent[peer] = "its program doesn't compile (Debian: libclblast-dev)"
                continue
            self.start(peer, options.PEERS[peer][0], [programs[peer]] if peer == "clblast" else [*worker, peer, threads])

    def end(self):
        for process in self.processes.values():
            process.end()

    # ---- a shape

    def open(self, name, shape, item):
        """Has a process make the block and looks at its result. The item says why where that isn't possible."""
        try:
            answer = self.processes[name].ask(f"open {self.folder} y {' '.join(map(str, shape))}")
            item["error"] = blocks.error(self.block, self.gates, os.path.join(self.folder, "y"))
            item["first_us"] = answer["us"]
            self.info.setdefault(name, {"version": machines.package_version("libclblast1"), **answer["info"]} if name == "clblast" else answer["info"])
            item.update((key, answer["info"][key]) for key in ("schedule", "form", "shares", "spelling") if key in answer["info"])
            if item["error"] > figures.MOST_ERROR:
                item["why"] = "wrong result"
        except Refused as failure:
            item["why"] = str(failure)
        with contextlib.suppress(OSError):
            os.remove(os.path.join(self.folder, "y"))

    def open_peers(self, shape):
        items = []
        for name in self.chosen.peers:
            if name in self.processes:
                items.append({"name": name, "kind": "peer", "beside": options.PEERS[name][1], "process": name, "turn": "call", "us": []})
                self.open(name, shape, items[-1])
        return items

    def open_exciton(self, shape):
        items = []
        for name in [name for name in self.processes if name.startswith("exciton ")]:
            device, _, python = name.removeprefix("exciton ").partition(", ")
            item = {"name": name, "kind": "exciton", "device": device, "language": python or "C", "beside": "cpu", "process": name, "turn": "call", "us": []}
            items.append(item)
            self.open(name, shape, item)
            if "why" in item or python:
                continue
            copies = self.processes[name].ask("copies")["copies"]
            items += [{"name": copy, "kind": "copy", "device": device, "process": name, "turn": f"copy{i}", "us": [], "first_us": item["first_us"]}
                      for i, copy in enumerate(copies)]
            if device == "lavapipe" and "ncnn-vulkan" in self.processes:
                items.append({**item, "name": f"{name}, with transfers", "beside": "hosted", "turn": "hosted", "us": []})
        return items

    def turn(self, item, untimed, timed):
        return figures.median(self.processes[item["process"]].ask(f"turn {item['turn']} {untimed} {timed}")["us"])

    def round(self, items):
        for item in self.random.sample(items, len(items)):
            if "why" in item or item.get("out"):
                continue
            try:
                item["us"].append(self.turn(item, *item["calls"]))
            except Refused as failure:
                item["why"] = str(failure)

    def leave_out_copies(self, items):
        for device in {item["device"] for item in items if item["kind"] == "copy"}:
            copies = [item for item in items if item["kind"] == "copy" and item["device"] == device]
            kept = figures.copies_to_keep({item["name"]: item["us"] for item in copies})
            for item in copies:
                item["out"] = item["name"] not in kept

    def rounds(self, record):
        items, chosen = record["items"], self.chosen
        for item in items:
            item.update(us=[], out=False)
        record["rounds"], begin = 0, time.monotonic()
        while record["rounds"] < (chosen.rounds or MOST_ROUNDS):
            if not chosen.rounds and record["rounds"] >= figures.LEAST_ROUNDS and time.monotonic() - begin > chosen.seconds:
                break
            self.round(items)
            record["rounds"] += 1
            if record["rounds"] == 3:
                self.leave_out_copies(items)
        record["steady"] = figures.is_steady(record)

    def calibrate(self, items):
        for item in items:
            if "why" not in item:
                item["calls"] = (1, 1)
                self.round([item])
                item["calls"] = figures.calls_a_turn(item["us"][-1]) if item["us"] else (1, 1)

    def shape(self, shape):
        *sizes, hidden = shape
        blocks.write(self.folder, *shape)
        self.block = blocks.read(self.folder, *shape)
        self.gates = blocks.gates(self.block)
        with held(self.chosen.while_preparing):
            peers = self.open_peers(shape)
        with held(self.chosen.while_timing):
            # exciton's first plan measures the device: not beside others' work
            record = {"shape": sizes, "hidden": hidden, "items": self.open_exciton(shape) + peers}
            self.calibrate(record["items"])
            for attempt in range(2):
                record["attempts"] = attempt + 1
                self.rounds(record)
                if record["steady"]:
                    break
        for item in record["items"]:
            for key in ("process", "turn", "out", "calls"):
                item.pop(key, None)
        return record


def measure(chosen, folder):
    bench = Bench(chosen, folder)
    result = {"format": 1, "kind": "peers", **machines.about(), "shapes": []}
    try:
        with held(chosen.while_preparing):
            library, programs = prepare.build(chosen)
            bench.start_all(library, programs)
        for number, shape in enumerate(chosen.shape):
            prepare.say(f"{number + 1} of {len(chosen.shape)}: {'x'.join(map(str, shape[:4]))}:{shape[4]}")
            result["shapes"].append(bench.shape(shape))
            print(tables.line(result["shapes"][-1]), file=sys.stderr, flush=True)
    finally:
        bench.end()
    result.update(versions=bench.info, absent=bench.absent)
    return result


def run(chosen):
    where = "/dev/shm" if os.path.isdir("/dev/shm") else None
    folder = tempfile.mkdtemp(prefix="exciton-peers-", dir=where)
    try:
        result = measure(chosen, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(tables.text(tables.peers(result)))
    if chosen.json:
        pathlib.Path(chosen.json).write_text(json.dumps(result) + "\n", encoding="utf-8")
    if chosen.html:
        pathlib.Path(chosen.html).write_text(page.peers(result), encoding="utf-8")
    wrong = tables.shortcomings(result)
    for line in wrong:
        prepare.say(line)
    return 1 if wrong else 0
