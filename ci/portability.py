"""docs/portability.json and the page made of it: what ran, what compiled, what is missing. Written by ci/matrix and ci/compilers."""
import json
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
EMPTY = {"date": "", "commit": "", "machine": "", "drivers": [], "smaller": [], "compilers": [], "checks": [], "versions": {}, "gaps": [], "modules": []}

HEAD = """# Portability

What `ci/matrix` found on {date}, on {machine}, last at commit {commit}. This page and portability.json are its output: don't edit them.
Three different things, kept apart: a device that *ran*, a compiler that *accepted*, and what is neither.

## Ran

Each driver in a process of its own that sees no other, with caches of its own. *cases* are cases of the conformance suite
([testing.md](testing.md)) whose every output byte, and every byte around it, was compared with the host's; *skipped* are those
that the device refused, and what a section left out by name. *digest* is of `exciton verify --cases 150 --seed 1`: the same
bits, so the same digest.

"""

SMALLER = """
## Smaller devices

The same suite where what the driver says about itself is lowered, before the library sees it, to the floors of Vulkan 1.1 and OpenCL 1.2
(tests/support/smaller.h): *all* of them at once, and each alone on a sample. Refused is what such a device can't do, said by name.

"""

COMPILED = """
## Compiled

For real GPUs, by their own compilers; nothing was executed. *modules* were compiled, in every form, in place and not; the other columns are
of those that `auto` may take on a GPU (form lanes, and the kernels that have no lanes): the most registers, spills to memory, bytes of code.
RADV counts spilled registers, ocloc instructions that touch what is spilled, ptxas bytes. ocloc tells no registers.

"""

FLAGS = """
Intel's GPUs have two to four flag registers: what doesn't fit is moved to general registers, not to memory, and isn't counted above
({moves} moves in the modules taken, over all targets).
"""


def load(folder=DOCS):
    path = pathlib.Path(folder) / "portability.json"
    data = json.loads(path.read_text()) if path.exists() else {}
    return {key: data.get(key, value) for key, value in EMPTY.items()}


def rows(items):
    return "[" + ",".join("\n  " + json.dumps(item) for item in items) + ("\n ]" if items else "]")


def as_json(data):
    """An object a line: a change shows as the lines that changed."""
    return "{" + ",".join(f"\n {json.dumps(key)}: " + (rows(value) if isinstance(value, list) else json.dumps(value)) for key, value in data.items()) + "\n}\n"


def table(head, lines):
    text = "| " + " | ".join(head) + " |\n|" + "---|" * len(head) + "\n"
    return text + "".join("| " + " | ".join("–" if cell is None else str(cell) for cell in line) + " |\n" for line in lines)


def spelled(number):
    return f"{number:,}" if isinstance(number, int) else number


def ran(data):
    lines = [(d["name"], d["device"], d["version"], spelled(d["cases"]), spelled(d["skipped"]), d["failed"], f"`{d['digest'][:12]}…`", d["seconds"],
              d["commit"]) for d in data["drivers"]]
    text = table(("driver", "device", "version", "cases", "skipped", "failed", "digest", "seconds", "commit"), lines)
    digests = sorted({d["digest"] for d in data["drivers"]})
    if len(digests) == 1:
        text += f"\nOne digest on all of them: `{digests[0]}`.\n"
    elif digests:
        text += "\n**The digests differ**: " + "; ".join(f"`{digest}`" for digest in digests) + ".\n"
    return text


def smaller(data):
    lines = [(s["driver"], s["floor"], spelled(s["cases"]), spelled(s["skipped"]), s["failed"], s["seconds"], s["commit"]) for s in data["smaller"]]
    return SMALLER + table(("driver", "floor", "cases", "refused", "failed", "seconds", "commit"), lines)


def compiled(data):
    lines = [(data["versions"].get(c["name"], c["name"]), c["target"], c["modules"], c["registers"], c["spills"], spelled(c["code_bytes"]))
             for c in data["compilers"]]
    text = table(("compiler", "target", "modules", "registers", "spills", "code bytes"), lines)
    moves = sum(module.get("flag_moves", 0) for module in data["modules"] if module["taken"])
    text += FLAGS.format(moves=moves) if moves else ""
    others = [module for module in data["modules"] if module["spills"] and not module["taken"]]
    if others:
        text += "\nForms that a GPU gets only by force do spill there: " + "; ".join(
            f"{target} " + ", ".join(f"{m['module']} {m['spills']}" for m in others if m["target"] == target)
            for target in dict.fromkeys(m["target"] for m in others)) + ".\n"
    return text


def page(data):
    text = HEAD.format(date=data["date"] or "no day yet", machine=data["machine"] or "no machine yet", commit=data["commit"] or "none")
    text += ran(data) + smaller(data) + COMPILED + compiled(data)
    if data["checks"]:
        text += "\n" + "".join(f"- {check['name']}: {check['result']}\n" for check in data["checks"])
    text += "\n## Neither\n\n"
    text += "".join(f"- gap: {gap['name']}: {gap['reason']}\n" for gap in data["gaps"])
    text += ("- On hardware: [gpus.md](gpus.md), written by hand. What isn't there hasn't been run by us on a GPU; what the drivers above can't\n"
             "  show is in [no-gpu.md](no-gpu.md).\n")
    return text


def write(path, text):
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text)
    os.replace(temporary, path)


def save(data, folder=DOCS):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = {key: data[key] for key in EMPTY}
    write(folder / "portability.json", as_json(data))
    write(folder / "portability.md", page(data))


def with_compilers(data, result, wanted):
    """`data` with the numbers of the targets `wanted`, by compiler, replaced."""
    order = list(dict.fromkeys((c["name"], c["target"]) for c in data["compilers"] + result["compilers"]))
    for key in ("compilers", "modules"):
        kept = [row for row in data[key] if row["target"] not in wanted.get(row["name"], [])]
        data[key] = sorted(kept + result[key], key=lambda row: order.index((row["name"], row["target"])))
    data["gaps"] = [row for row in data["gaps"] if row["name"] not in wanted] + result["gaps"]
    data["versions"] = {**data["versions"], **result["versions"]}
    return data


def replace_compilers(result, wanted):
    save(with_compilers(load(), result, wanted))
