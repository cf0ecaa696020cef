"""Installs and builds what bench/peers times. Standard library only: it makes the environment that the rest runs in."""
import os
import pathlib
import subprocess
import sys

from turns import held # noqa: F401

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "bench/beside"
VENV = ROOT / "build/peers"
PYTHON = str(VENV / "bin/python")
BUILD = ROOT / "build/bench"


def say(text):
    print(f"peers: {text}", file=sys.stderr, flush=True)


def run(*command, **options):
    """stdout is for results."""
    return subprocess.run([str(c) for c in command], stdout=sys.stderr, cwd=ROOT, check=False, **options).returncode == 0


def requirements(peers):
    """The packages of these peers."""
    wanted = []
    for line in (HERE / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            users, package = (part.strip() for part in line.split("|"))
            if users == "all" or set(users.split()) & set(peers):
                wanted.append(package)
    return wanted


def install_packages(peers):
    """One after the other: a peer whose package can't be had is left out, and named by its process."""
    stamp = VENV / "installed"
    if not os.path.exists(PYTHON) and not run(sys.executable, "-m", "venv", VENV):
        sys.exit("peers: python3 makes no virtual environment (Debian: python3-venv)")
    there = stamp.read_text(encoding="utf-8").split() if stamp.exists() else []
    for package in requirements(peers):
        if package not in there:
            say(f"installing {package}")
            if run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", package):
                there.append(package)
                stamp.write_text("\n".join(there) + "\n", encoding="utf-8")
            else:
                say(f"{package} can't be installed")


def install(chosen):
    if not chosen.no_install:
        run("ci/setup", "bench")
        if "intel-cpu" in chosen.devices and not os.environ.get("EXCITON_INTEL_CPU"):
            run("ci/setup", "intel-cpu")
        install_packages(chosen.peers)
    if not os.path.exists(PYTHON):
        sys.exit(f"peers: {VENV} isn't there: without --no-install it is made")


def build_library():
    """What it said is shown where it fails."""
    BUILD.mkdir(parents=True, exist_ok=True)
    log = BUILD / "build.log"
    with open(log, "wb") as output:
        for command in (["cmake", "-S", ROOT, "-B", BUILD, "-DCMAKE_BUILD_TYPE=Release", "-DEXCITON_IO=OFF", "-DEXCITON_TESTS=OFF"],
                        ["cmake", "--build", BUILD, "--parallel"]):
            if subprocess.run([str(c) for c in command], stdout=output, stderr=output, check=False).returncode:
                sys.stderr.write(log.read_text(encoding="utf-8", errors="replace")[-4000:])
                sys.exit("peers: exciton doesn't build")
    return BUILD / "src"


def compile_worker(name, *flags):
    program = BUILD / f"beside-{name}"
    ok = run("cc", "-std=c11", "-D_GNU_SOURCE", "-O2", f"-I{ROOT}/include", HERE / f"{name}.c", HERE / "serve.c", "-o", program, *flags)
    return program if ok else None


def build(chosen):
    """(libexciton.so, {name: program or None}) of the parts in C."""
    folder = pathlib.Path(chosen.built).resolve() if chosen.built else build_library()
    BUILD.mkdir(parents=True, exist_ok=True)
    library = folder / "libexciton.so"
    programs = {"exciton": compile_worker("exciton", library, f"-Wl,-rpath,{folder}")}
    if not programs["exciton"]:
        sys.exit(f"peers: no program could be linked with {library}")
    if "clblast" in chosen.peers:
        programs["clblast"] = compile_worker("clblast", "-lclblast", "-lOpenCL")
    return library, programs
