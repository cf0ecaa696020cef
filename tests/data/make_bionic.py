#!/usr/bin/env python3
"""make_bionic.py BIONIC LEVEL: the names that libc, libm and libdl of Android offer an arm64 program of an API level.

BIONIC is a checkout of https://android.googlesource.com/platform/bionic (or its git folder, read at HEAD). Its version
scripts say of each name since which level, and on which processors, it is there. Names of no public version, and those
of the platform's own use, are left out."""
import re
import subprocess
import sys

SCRIPTS = ["libc/libc.map.txt", "libm/libm.map.txt", "libdl/libdl.map.txt"]
PROCESSORS = {"arm", "arm64", "riscv64", "x86", "x86_64"}
PRIVATE = {"platform-only", "llndk", "apex", "systemapi"}


def is_there(tags, level):
    words = tags.split()
    if PRIVATE & set(words):
        return False
    processors = PROCESSORS & set(words)
    since = [int(w.split("=")[1]) for w in words if re.fullmatch(r"introduced(-arm64)?=\d+", w)]
    return (not processors or "arm64" in processors) and all(s <= level for s in since)


def names(script, level):
    public = False
    for line in script.splitlines():
        code, _, tags = line.partition("#")
        code = code.strip()
        if code.endswith("{"):
            public = not re.search("PRIVATE|PLATFORM|DEPRECATED", code) and is_there(tags, level)
        elif code.startswith("local:"):
            public = False
        elif public and re.fullmatch(r"\w+;", code) and is_there(tags, level):
            yield code[:-1]


def main():
    bionic, level = sys.argv[1], int(sys.argv[2])
    git = ["git", "-C", bionic]
    commit = subprocess.run(git + ["rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    print(f"# What bionic's libc, libm and libdl offer an arm64 program at API level {level}: by make_bionic.py, from\n"
          f"# {', '.join(SCRIPTS)} of https://android.googlesource.com/platform/bionic, commit\n# {commit}.")
    found = set()
    for script in SCRIPTS:
        text = subprocess.run(git + ["show", f"HEAD:{script}"], check=True, capture_output=True, text=True).stdout
        found.update(names(text, level))
    print("\n".join(sorted(found)))


main()
