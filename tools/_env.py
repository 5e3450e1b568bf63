"""Makes the Python environment that everything else runs in, and keeps it up to date. Standard library only.

Used by `tools/run.py` and `tools/check`. This file must parse on Python 3.8, or the sentence that says which Python
is needed would never be seen.

What can be set from outside:
    COGLAB_VENV=DIR     place of the environment instead of `.venv` (read-only checkouts, network homes)
    COGLAB_EXTRAS=a,b   optional packages to install, as `--with a,b` does
    BOOTSTRAP=off       use the running Python as it is (containers, clusters)
    BOOTSTRAP=uv        install with uv: faster, but it does not read pip's configuration
"""

import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST, NEWEST = (3, 11), (3, 13)
EXTRAS = ("wandb", "sweep", "envs", "film", "dev")


def say(text):
    """Print a line on stderr, where it is in nobody's way."""
    print("[setup] " + text, file=sys.stderr, flush=True)


def fail(text):
    """Print why there is no environment, and exit with code 1."""
    print("error: " + text, file=sys.stderr)
    sys.exit(1)


def require_python():
    """Continue in a Python that is new enough: this one, or one that is found on the path."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        name = "python3.%d" % minor
        # Running it is the only proof: a version manager's shim exists even for versions that are not installed.
        found = shutil.which(name)
        if found and _output([found, "-c", "import sys; print(sys.version_info[1])"]) == str(minor):
            os.execv(found, [found, *sys.argv])
    fail(
        "coglab needs Python 3.11, 3.12 or 3.13; this is %s, and no python3.11 to python3.13 was found.\n"
        "       Install one, for example with your package manager (`apt install python3.11 python3.11-venv`), "
        "and start again." % platform.python_version()
    )


def _output(command):
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def take_extras(words):
    """Take `--with a,b` out of a command line.

    Args:
        words: the command line; changed in place.

    Returns:
        Names of optional packages, those of COGLAB_EXTRAS included.
    """
    wanted = os.environ.get("COGLAB_EXTRAS", "").split(",")
    while "--with" in words:
        at = words.index("--with")
        if at + 1 == len(words):
            _usage("`--with` needs a name behind it: %s." % ", ".join(EXTRAS))
        wanted += words[at + 1].split(",")
        del words[at : at + 2]
    extras = sorted({name.strip() for name in wanted if name.strip()})
    unknown = [name for name in extras if name not in EXTRAS]
    if unknown:
        _usage("`--with %s`: there are %s." % (",".join(unknown), ", ".join(EXTRAS)))
    return extras


def _usage(text):
    print("error: " + text, file=sys.stderr)
    sys.exit(2)


def environment(extras=(), only_if_ready=False):
    """Find the environment's Python; make or repair the environment if need be.

    Args:
        extras: optional packages that must be there.
        only_if_ready: return None instead of installing anything.

    Returns:
        Path of the interpreter, and the variables that it needs.
    """
    variables = dict(os.environ)
    # The threads are ours: one per core, each with its own games. Idle OpenMP threads that spin would slow them.
    variables.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    variables.setdefault("OMP_NUM_THREADS", "1")
    if os.environ.get("BOOTSTRAP") == "off":
        paths = [os.path.join(ROOT, "src"), ROOT, variables.get("PYTHONPATH", "")]
        variables["PYTHONPATH"] = os.pathsep.join(p for p in paths if p)
        return sys.executable, variables
    venv = os.path.abspath(os.environ.get("COGLAB_VENV") or os.path.join(ROOT, ".venv"))
    python = os.path.join(venv, "bin", "python")
    project = _project()
    fingerprint = _fingerprint(project)
    if not _missing(venv, fingerprint, extras):
        return python, variables
    if only_if_ready:
        return None
    with _lock(venv):
        missing = _missing(venv, fingerprint, extras)  # another start may have made it meanwhile
        if missing:
            _install(venv, project, fingerprint, missing)
    return python, variables


def _project():
    """Read the dependency lists from pyproject.toml."""
    import tomllib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        data = tomllib.load(file)
    lists = dict(data["project"]["optional-dependencies"])
    lists.update(data["dependency-groups"])
    lists[""] = data["project"]["dependencies"]
    return lists


def _fingerprint(project):
    """Hash everything that would make an environment another one."""
    with open(os.path.join(ROOT, "constraints.txt"), "rb") as file:
        pins = file.read()
    parts = [
        sys.version_info[:2],
        platform.machine(),
        ROOT,  # a moved clone has wrong paths inside its environment
        hashlib.sha256(pins).hexdigest(),
        project,
        "cuda" if has_nvidia_driver() else "cpu",
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def has_nvidia_driver():
    """Whether an NVIDIA driver is loaded."""
    return os.path.exists("/proc/driver/nvidia/version") or os.path.exists("/dev/nvidiactl")


def _stamp(venv):
    try:
        with open(os.path.join(venv, ".stamp"), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def _missing(venv, fingerprint, extras):
    """List what has to be installed: "" stands for everything, a name for an extra."""
    stamp = _stamp(venv)
    had = [name for name in stamp.get("extras", []) if name in EXTRAS]
    if stamp.get("fingerprint") != fingerprint:
        return ["", *sorted({*had, *extras})]
    return [name for name in extras if name not in had]


@contextlib.contextmanager
def _lock(venv):
    """Let one start install while others wait."""
    import fcntl

    path = venv + ".lock"
    if os.path.isdir(venv) and os.listdir(venv) and not os.path.exists(path):
        fail(
            "%s exists and was not made by this program, which would empty it. Remove it, name another place with "
            "COGLAB_VENV=DIR, or use your own Python as it is with BOOTSTRAP=off." % venv
        )
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        file = open(path, "w")  # noqa: SIM115 (closed below, after the lock is no longer needed)
    except OSError as error:
        fail(
            "%s cannot be written (%s). Name another place: COGLAB_VENV=~/coglab-venv ./tools/run.py ..."
            % (venv, error.strerror)
        )
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another start is installing; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        file.close()


def _install(venv, project, fingerprint, missing):
    """Make the environment, or add extras to it; the stamp is written last, so that a broken install is repaired."""
    began = time.monotonic()
    use_uv = os.environ.get("BOOTSTRAP") == "uv"
    everything = "" in missing
    wanted = sorted({*_stamp(venv).get("extras", []), *missing} - {""})
    python = os.path.join(venv, "bin", "python")
    if everything:
        say(
            "making the Python %d.%d environment in %s: about a minute and 1.2 GB, once"
            % (sys.version_info[0], sys.version_info[1], venv)
        )
        _say_about_cuda()
        _make_venv(venv, use_uv)
    else:
        say("adding %s to %s" % (", ".join(missing), venv))
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(venv, ".stamp"))
    packages = [package for name in missing for package in project[name]]
    constraints = os.path.join(ROOT, "constraints.txt")
    if use_uv:
        command = ["uv", "pip", "install", "--python", python, "--only-binary", ":all:"]
    else:
        command = [python, "-m", "pip", "install", "--only-binary=:all:", "--no-input"]
        command += ["--disable-pip-version-check", "--progress-bar=off", "--no-compile"]
    names = ", ".join(package.split(">")[0].split("=")[0] for package in packages)
    _call([*command, "-c", constraints, *packages], "installing " + names)
    # pip would compile on one core; and where PYTHONDONTWRITEBYTECODE is set, every start would compile anew.
    site = os.path.join(venv, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
    _call([python, "-m", "compileall", "-q", "-j", "0", "-x", "/tests?/", site], "", may_fail=True)
    if everything:
        with open(os.path.join(site, "coglab.pth"), "w", encoding="utf-8") as file:
            # `coglab` comes from src, `recipes` from the root: no build, nothing to fetch.
            file.write(os.path.join(ROOT, "src") + "\n" + ROOT + "\n")
    with open(os.path.join(venv, ".stamp.new"), "w", encoding="utf-8") as file:
        json.dump({"fingerprint": fingerprint, "extras": wanted}, file)
    os.replace(os.path.join(venv, ".stamp.new"), os.path.join(venv, ".stamp"))
    say("ready after %.0f s" % (time.monotonic() - began))


def _say_about_cuda():
    if has_nvidia_driver():
        say("NVIDIA driver found: torch with CUDA, several GB")
    elif sys.platform == "linux":
        say(
            "no NVIDIA driver found. If pip begins to download packages of CUDA (several GB), stop with Ctrl-C, "
            "set PIP_EXTRA_INDEX_URL to PyTorch's index of CPU builds, and start again"
        )


def _make_venv(venv, use_uv):
    # The interpreter behind a virtual environment, so that one that is being replaced does not replace itself.
    base = getattr(sys, "_base_executable", "") or sys.executable
    if use_uv:
        if not shutil.which("uv"):
            fail("BOOTSTRAP=uv, but there is no `uv` on the path. Without BOOTSTRAP, pip is used.")
        _call(["uv", "venv", "--clear", "--python", base, venv], "")
        return
    output = _call([base, "-m", "venv", "--clear", venv], "", may_fail=True)
    if output:
        hint = ""
        if b"ensurepip" in output:
            hint = " Install it with `apt install python3.%d-venv`." % sys.version_info[1]
        fail("`python -m venv` failed:%s\n%s" % (hint, output.decode("utf-8", "replace")))


def _call(command, what, may_fail=False):
    """Run a command quietly.

    Args:
        command: its words.
        what: a line to print before; empty for none.
        may_fail: return what it said if it fails, instead of showing that and exiting.

    Returns:
        Nothing if it succeeds.
    """
    if what:
        say(what)
    began = time.monotonic()
    shown = sys.stderr.isatty() and not os.environ.get("CI")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if shown:  # one line that tells what pip is at, overwritten
                text = line.decode("utf-8", "replace").strip()[
                    : shutil.get_terminal_size().columns - 16
                ]
                sys.stderr.write("\r\x1b[K  %4.0f s  %s" % (time.monotonic() - began, text))
                sys.stderr.flush()
        process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        sys.exit(130)
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
    if process.returncode:
        output = b"".join(said)
        if may_fail:
            return output or b"(it said nothing)"
        tail = output.decode("utf-8", "replace").strip().splitlines()[-20:]
        fail(
            "this failed with exit code %d:\n  %s\n%s\nThe next start tries again."
            % (process.returncode, " ".join(command), "\n".join("  | " + line for line in tail))
        )
    return b""
