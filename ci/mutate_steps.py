"""What ci/mutate compiles for a mutant, and the quick suite that it has to survive.

Nothing goes through the build tool, whose start costs more than a mutant may: the commands are taken from the build of the
copy, run for the files that a change touches, and the new objects are linked before the library's archive.
"""
import concurrent.futures
import os
import pathlib
import re
import resource
import shlex
import subprocess
import time

import spirv

FILES = ("kernels/*.h", "kernels/*.cl", "shaders/*", "src/backends/host/kernels.c", "src/backends/host/layers.h", "src/backends/host/vector.h",
         "src/backends/host/params.h", "src/backends/host/schedule.c", "src/ops/*.c", "src/ops/*.h")
PROGRAMS = ("test_lower", "test_cost", "test_model", "test_se_check", "test_selftest", "test_numbers", "test_host_kernels", "test_host_recordings",
            "conformance", "clblast")
SELECTORS = {"host": "host", "pocl": "opencl:pocl", "lavapipe": "vulkan:lavapipe", "oclgrind": "opencl:oclgrind"}

# Estimates and thresholds that choose how, never what: another value is another time and the same bits. docs/testing.md.
OUT_OF_SCOPE = (
    ("src/backends/host/schedule.c", r"measure|choose_shares|choose_copiers"),
)

# Which cases a kernel's file concerns first.
ONLY = {"squeeze": "schedule=three-stages", "hidden": "schedule=three-stages", "gate": "schedule=three-stages", "scale": "schedule=three-stages",
        "split_squeeze": "schedule=split-excite", "split_scale": "schedule=split-excite", "sample": "schedule=sample-in-group",
        "pipeline": "schedule=pipelined", "copy": "saved=all"}

# Kernels with local memory, where a race may be.
LANES = ("rows", "excite", "squeeze", "scale", "split_squeeze", "split_scale", "sample", "pipeline")

LONG = re.compile(r"more cases|past caches|groups|long|floor")  # steps that few mutants get to

# A mutant that loops uses up its processor time; one that is only slow to get any, on a busy machine, isn't judged.
FEW, MANY, WALL_SECONDS, MEMORY = 40, 400, 900, 12 << 30


def is_out_of_scope(mutant):
    return any(mutant.file == file and re.fullmatch(names, mutant.function) for file, names in OUT_OF_SCOPE)


class Place:
    """A worker's own copy of the tree, its objects and programs, and the commands of the build."""

    def __init__(self, work, tree, build, shard):
        self.built_tree, self.build, self.home = str(tree), build, work / f"shard-{shard}"
        self.tree = tree if shard == 0 else self.home / "tree"
        for folder in ("objects", "words", "cache"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        self.compiles, self.links, self.shaders, self.embed, self.originals, self.optimiser = {}, {}, [], None, {}, None
        for program in PROGRAMS:
            self.read_commands(program)

    def read_commands(self, program):
        listing = subprocess.run(["ninja", "-C", self.build, "-t", "commands", f"tests/{program}"], capture_output=True, check=True, text=True)
        for line in listing.stdout.splitlines():
            words = shlex.split(line)
            if "-c" in words and words[-1].endswith(".c"):
                source = os.path.relpath(words[-1], self.built_tree if words[-1].startswith(self.built_tree) else self.build)
                self.compiles[source] = words
            elif "glslc" in line:
                if "--optimiser" in words:
                    self.optimiser = words[words.index("--optimiser") + 1]
                glslc = words[words.index("&&") + 1:]
                self.shaders.append(glslc[:glslc.index("&&")])
            elif "embed.py" in line and "exciton_opencl_sources" in line:
                self.embed = words[words.index("&&") + 1:]
        self.links[program] = words[words.index("&&") + 1:-2]
        unique = {words[-1]: words for words in self.shaders}
        self.shaders = list(unique.values())

    def own(self, word):
        return word.replace(self.built_tree + "/", str(self.tree) + "/")

    def compile(self, source, includes=(), output=None):
        """The object of `source`; None: it doesn't compile."""
        words = [self.own(word) for word in self.compiles[source]]
        at = words.index("-MD")
        del words[at:at + 5]
        target = self.home / "objects" / (output or object_name(source))
        words[words.index("-o") + 1] = str(target)
        words[1:1] = [f"-I{folder}" for folder in includes]
        if source.startswith("src/backends/opencl/opencl_sources"):
            words[-1] = str(self.home / "words/opencl_sources.c")
        return target if quiet(words, self.build) else None

    def link(self, program, objects):
        words = [word for word in self.links[program] if self.home / "objects" / object_name(word) not in objects]
        at = words.index("-o")
        target = self.home / program
        words[at + 1:at + 2] = [str(target), *map(str, objects)]
        words.insert(1, "-fuse-ld=lld")
        if not quiet(words, self.build):
            raise SystemExit(f"mutate: {program} doesn't link: {words}")
        return target


def object_name(path):
    """Of a source, or of the build's object of a test's source: tests/CMakeFiles/PROGRAM.dir/unit/x.c.o of tests/unit/x.c."""
    return re.sub(r"CMakeFiles/[^/]+/|\.o$", "", str(path)).replace("/", "_") + ".o"


def quiet(words, folder):
    return subprocess.run([str(word) for word in words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env={**os.environ, "CCACHE_DISABLE": "1"}).returncode == 0


# ---- what a change touches


class NoBuild(Exception):
    pass


class Same(Exception):
    pass


class NoResult(Exception):
    pass


def c_objects(place, sources):
    """The changed objects of `sources`; Same where the compiler makes of all what it made before."""
    pool = concurrent.futures.ThreadPoolExecutor(2)
    made = dict(zip(sources, pool.map(place.compile, sources)))
    if None in made.values():
        raise NoBuild
    changed = []
    for source, target in made.items():
        if source not in place.originals:  # the same command on the file as it was
            place.originals[source] = original_object(place, source)
        if target.read_bytes() != place.originals[source]:
            changed.append(target)
    if not changed:
        raise Same
    return changed


def original_object(place, source):
    """Kept with the build: it changes with the source only."""
    kept = place.home / "objects" / ("original_" + source.replace("/", "_") + ".o")
    newest = max(path.stat().st_mtime for pattern in FILES for path in pathlib.Path(place.built_tree).glob(pattern))
    if not kept.exists() or kept.stat().st_mtime < newest:
        mutated, place.tree = place.tree, pathlib.Path(place.built_tree)
        place.compile(source, output=kept.name)
        place.tree = mutated
    return kept.read_bytes()


def kernel_objects(place):
    words = [place.own(word) for word in place.embed]
    for option, name in (("--source", "opencl_sources.c"), ("--header", "opencl_sources.h")):
        words[words.index(option) + 1] = str(place.home / "words" / name)
    if not quiet(words, place.build):
        raise NoBuild
    source = next(s for s in place.compiles if s.endswith("opencl_sources.c"))
    return [place.compile(source, [place.home / "words"])]


def shader_objects(place, file, stems=None):
    """Modules of the shader, or of all of `stems` for a piece; Same where all are as before."""
    def concerns(words):
        stem = next(pathlib.Path(word).stem for word in words if word.endswith(".comp"))
        return stem == pathlib.Path(file).stem if file.endswith(".comp") else stems is None or stem in stems

    concerned = [words for words in place.shaders if concerns(words)]

    def make(words):
        words = [place.own(word) for word in words]
        original = pathlib.Path(words[-1]).with_suffix(".inc")
        words[-1] = str(place.home / "words" / original.with_suffix(".spv").name)
        if not quiet(words, place.build):
            raise NoBuild
        inc = place.home / "words" / original.name
        try:
            spirv.write(str(inc), spirv.make(words[-1], place.optimiser))
        except spirv.Refused:
            raise NoBuild
        return inc.read_bytes() == original.read_bytes()

    for left in (place.home / "words").glob("*.inc"):
        left.unlink()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        if all(list(pool.map(make, concerned))):
            raise Same
    return [place.compile("src/backends/vulkan/shaders.c", [place.home / "words"])]


HOST = tuple(f"src/backends/host/{name}.c" for name in ("kernels", "kernels_avx2", "kernels_avx512"))
WIDE = ("tests/unit/host_wide.c",)  # the routines of AVX-512's width, on any processor


PLAIN = ("squeeze", "hidden", "gate", "scale", "copy")  # the shaders of three-stages


def touched(place, file):
    """[(suite, its objects)], cheapest first: a change of what languages share is tried in each."""
    hosts = [s for s in HOST if s in place.compiles]
    if file.startswith("src/ops/"):
        sources = [file] if file.endswith(".c") else [s for s in place.compiles if s.startswith("src/ops/")]
        return [("ops", lambda: c_objects(place, sources))]
    if file.startswith("src/"):
        parts = [] if file.endswith("schedule.c") else [("host, one width", lambda: c_objects(place, hosts[:1])),
                                                        ("host, wide", lambda: c_objects(place, WIDE))]
        return [*parts, ("host", lambda: c_objects(place, [file] if file.endswith("schedule.c") else hosts))]
    parts = [("numbers", lambda: c_objects(place, ("tests/unit/test_numbers.c",))),
             ("host", lambda: c_objects(place, hosts))] if file.endswith("scalar.h") else []
    if file.startswith("kernels/"):
        parts.append(("pocl", lambda: kernel_objects(place)))
    if file.endswith((".glsl", "scalar.h")):
        parts.append(("lavapipe, three-stages", lambda: shader_objects(place, file, PLAIN)))
    if file.startswith("shaders/") or file.endswith("scalar.h"):
        parts.append(("lavapipe", lambda: shader_objects(place, file)))
    return parts


# ---- the quick suite


def suite(kind, mutant):
    """(name, driver, program, arguments), cheapest first. --first: one failure is enough."""
    def on(driver, name, *arguments):
        return (f"{name} on {driver}", driver, "conformance", ("--device", SELECTORS[driver], "--first", *arguments))

    cases, few = ("--sections", "cases", "--cases", "1"), ("--sections", "cases,special", "--cases", "400")
    if kind == "ops":
        for name in ("test_se_check", "test_cost", "test_model", "test_lower", "test_selftest"):
            yield name, "host", name, ()
        yield on("host", "cases", *cases)
        yield on("host", "more cases", *few)
        yield on("host", "arguments", "--sections", "arguments")
        yield on("host", "pieces", *cases, "--clamp", "range64k")
        yield on("host", "long", "--sections", "long,batches")
        return
    if kind == "numbers":
        yield "test_numbers", "host", "test_numbers", ()
        return
    if kind in ("host, one width", "host, wide"):
        yield "test_host_kernels", "host", "test_host_kernels", ()
        return
    if kind == "host":
        yield on("host", "cases", *cases)
        yield "test_host_kernels", "host", "test_host_kernels", ()
        yield "test_host_recordings", "host", "test_host_recordings", ()
        yield on("host", "more cases", *few)
        yield on("host", "past caches", *cases, "--clamp", "cache1")
        yield on("host", "pieces", *cases, "--clamp", "range64k")
        yield on("host", "long", "--sections", "long,copies,digests")
        return
    driver = kind.split(",")[0]
    stem = pathlib.Path(mutant.file).stem
    only = ONLY.get(stem, "schedule=three-stages" if "three-stages" in kind else "")
    within = (only + "/") if only else ""
    if stem == "stream":
        yield on(driver, "copies", "--sections", "copies")
        return
    if stem == "finish":
        yield "long: products of CLBlast", driver, "clblast", ("--device", SELECTORS[driver])
        return
    if driver == "pocl":  # Oclgrind compiles next to nothing, and sees races and accesses beyond a buffer
        for form in ("rows", "lanes"):
            yield on("oclgrind", f"cases in {within}{form}", "--sections", "cases", "--cases", "300", "--tight", "--only",
                     f"{only or 'schedule=split-excite'}/form={form}/batch=1")
        # several rows a group, and rows that it has not
        yield on("oclgrind", f"groups of 128 in {within}lanes", "--sections", "cases", "--cases", "500", "--most", "4000", "--tight", "--only",
                 f"{only or 'schedule=split-excite'}/form=lanes/group=128")
        yield on("oclgrind", f"a GPU's groups in {within}lanes", "--sections", "cases", "--cases", "500", "--most", "4000", "--tight", "--smaller", "gpu",
                 "--only", f"{only or 'schedule=split-excite'}/form=lanes/group=auto")
    for form in ("rows", "lanes"):
        yield on(driver, f"cases in {within}{form}", *cases, "--only", f"{only or 'schedule=split-excite'}/form={form}")
    if driver == "lavapipe":  # as a GPU takes it, without texel views
        yield on(driver, f"cases in {within}lanes, no texels", *cases, "--smaller", "texels", "--only", f"{only or 'schedule=split-excite'}/form=lanes")
    yield on(driver, "special values", "--sections", "special")
    if "three-stages" in kind:
        return
    more = ("--sections", "cases", "--cases", "300" if only else "142")
    for form in ("rows", "lanes"):
        yield on(driver, f"more cases in {within}{form}", *more, "--only", f"{within}form={form}")
    if driver == "lavapipe":
        yield on(driver, f"more cases in {within}lanes, no texels", *more, "--smaller", "texels", "--only", f"{within}form=lanes")
    yield on(driver, "past caches", *cases, "--clamp", "cache1", *(("--only", only) if only else ()))
    yield on(driver, "groups", *cases, "--clamp", "groups3", *(("--only", only) if only else ()))
    yield on(driver, "long", "--sections", "long")
    yield on(driver, "groups of 1,024", "--sections", "groups")
    if driver == "pocl" and stem in LANES:
        yield on("oclgrind", "groups of 1,024", "--sections", "groups", "--tight")


def limit(seconds):
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_step(place, driver, program, arguments, seconds):
    """(exit status, the last lines)"""
    command = [str(place.tree / "ci/with-driver"), driver, "--", str(program), *arguments]
    environment = {**os.environ, "EXCITON_CACHE": str(place.home / "cache"), "EXCITON_TEST_REQUIRE": ",".join(SELECTORS.values()),
                   "OCLGRIND_UNINITIALIZED": "0"}  # it crashes: docs/drivers.md
    process = subprocess.Popen(command, cwd=place.home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                               preexec_fn=lambda: limit(seconds))
    try:
        output = process.communicate(timeout=WALL_SECONDS)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        raise NoResult
    return process.returncode, output.decode(errors="replace")[-400:]


def try_mutant(place, mutant):
    """(verdict, how): killed, survived, same (no compiler makes another thing of it), no build."""
    verdicts = []
    for kind, make in touched(place, mutant.file):
        try:
            objects = make()
        except Same:
            verdicts.append("same")
            continue
        except NoBuild:
            verdicts.append("no build")
            continue
        verdicts.append("survived")
        linked = {}
        for name, driver, program, arguments in suite(kind, mutant):
            if program not in linked:
                linked[program] = place.link(program, objects)
            status, _ = run_step(place, driver, linked[program], arguments, MANY if driver != "host" and LONG.match(name) else FEW)
            if status != 0:
                return "killed", name + (": no end" if status in (-9, -24) else f": {status}")
    for verdict in ("survived", "same"):
        if verdict in verdicts:
            return verdict, ""
    return "no build", ""


def baseline(place):
    """Runs every suite on the copy as it is: the first step that fails, or None."""
    class Plain:
        kind, file = "barrier", "kernels/rows.h"

    for kind in ("ops", "numbers", "host, one width", "host", "pocl", "lavapipe, three-stages", "lavapipe"):
        for name, driver, program, arguments in suite(kind, Plain):
            begin = time.monotonic()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            status, output = run_step(place, driver, place.build / "tests" / program, arguments, MANY)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"mutate: {kind}: {name}: {time.monotonic() - begin:.1f} s, processor {used:.1f} s", flush=True)
            if used > FEW / 2 and not LONG.match(name):
                return f"{name}: takes {used:.0f} s of the processor's time, and {FEW} end it"
            if status != 0:
                return f"{name}: {status}: {output}"
    return None
