"""What a record has to say about where and of what it was made."""
import contextlib
import datetime
import os
import pathlib
import platform
import subprocess


def processor():
    with contextlib.suppress(OSError, StopIteration):
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return None


def commit():
    got = subprocess.run(["git", "-C", pathlib.Path(__file__).parent, "describe", "--always", "--dirty", "--abbrev=10"], capture_output=True, text=True, check=False)
    return got.stdout.strip() or None


def package_version(name):
    """Of a Debian package."""
    try:
        return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def about():
    return {"date": datetime.date.today().isoformat(), "commit": commit(),
            "machine": {"processor": processor(), "processors": len(os.sched_getaffinity(0)), "system": platform.platform(),
                        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30)}}
