"""no_loader.py EXCITON ROOT: the command in a root directory that holds it and the libraries it is linked to, no loader of any API.

`exciton devices` must list host and give two reasons, and `exciton run --device host` must work. Needs to be root, or user
namespaces; else the check is skipped (exit status 77)."""
import array
import json
import math
import os
import pathlib
import shutil
import struct
import subprocess
import sys


def copy_closure(binary, root):
    """The binary and all that the dynamic linker maps for it, under their own paths."""
    listing = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    words = [word for line in listing.splitlines() for word in line.split() if word.startswith("/")]
    for word in words:
        target = root / word.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(word, target)
    shutil.copy(binary, root / "exciton")
    loaders = [p for p in root.rglob("*") if "OpenCL" in p.name or "libvulkan" in p.name]
    if loaders:
        sys.exit(f"no-loader: linked to a loader: {loaders}")


def enter(root):
    """How to run something with `root` as its root directory, or None."""
    for prefix in (["chroot"], ["unshare", "--user", "--map-root-user", "chroot"]):
        if shutil.which(prefix[0]) and subprocess.run([*prefix, root, "/exciton", "version"], capture_output=True).returncode == 0:
            return prefix
    return None


def npy(shape, values):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + array.array("f", values).tobytes()


def safetensors(tensors):
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        raw = array.array("f", values).tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def main(binary, root):
    root = pathlib.Path(root)
    root.mkdir(parents=True)
    copy_closure(binary, root)
    prefix = enter(root)
    if prefix is None:
        print("skipped: neither chroot nor a user namespace is allowed here")
        sys.exit(77)

    def call(*arguments):
        done = subprocess.run([*prefix, root, "/exciton", *arguments], capture_output=True, text=True, cwd=root, timeout=60)
        print(done.stdout, done.stderr, end="")
        if done.returncode != 0:
            sys.exit(f"no-loader: exciton {arguments[0]}: exit status {done.returncode}")
        return json.loads(done.stdout)

    listing = call("devices", "--json")
    if [d["driver"] for d in listing["devices"]] != ["host"] or sorted(a["api"] for a in listing["absent"]) != ["opencl", "vulkan"]:
        sys.exit("no-loader: expected host and two reasons")

    channels, hidden, size = 4, 2, 6
    x = [math.sin(0.7 * i) for i in range(channels * size)]
    w1 = [math.cos(1.3 * i) for i in range(hidden * channels)]
    w2 = [math.sin(2.1 * i + 1) for i in range(channels * hidden)]
    (root / "x.npy").write_bytes(npy((1, channels, 2, 3), x))
    (root / "w.safetensors").write_bytes(safetensors({"fc.0.weight": ([hidden, channels], w1), "fc.2.weight": ([channels, hidden], w2)}))
    call("run", "--weights", "/w.safetensors", "--input", "/x.npy", "--output", "/y.npy", "--device", "host", "--json")

    s = [sum(x[c * size:(c + 1) * size]) / size for c in range(channels)]
    h = [max(sum(w1[r * channels + c] * s[c] for c in range(channels)), 0) for r in range(hidden)]
    g = [1 / (1 + math.exp(-sum(w2[c * hidden + r] * h[r] for r in range(hidden)))) for c in range(channels)]
    raw = (root / "y.npy").read_bytes()
    y = array.array("f", raw[-4 * channels * size:])
    error = max(abs(y[i] - g[i // size] * x[i]) for i in range(channels * size))
    if not error < 1e-6:
        sys.exit(f"no-loader: exciton run is {error:.1e} away from the formula")
    print(f"host and two reasons; exciton run on host is right to {error:.1e}")


if __name__ == "__main__":
    main(*sys.argv[1:])
