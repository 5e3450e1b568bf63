"""Other machines: writes files for Slurm, SkyPilot, Kubernetes, Docker and ssh, and runs a command over ssh.

    ./tools/run.py launch target=slurm gpus=8 nodes=4 hours=24 -- recipes.experiment.cogsguard.train run=first
    ./tools/run.py remote=me@box:~/coglab recipes.experiment.cogsguard.train run=first

Every file does nothing but call `tools/run.py` with the command that is typed. Nothing is submitted: the file is checked,
and printed, or written with `out=FILE`; its first lines say how to submit it. Standard library only; this file must parse
on Python 3.8, as `_env.py`.
"""

import difflib
import os
import re
import shlex
import shutil
import string
import subprocess
import sys

from _env import ROOT

FILES = os.path.join(ROOT, "tools", "launch_files")
TARGETS = {
    "slurm": "slurm.sbatch",
    "sky": "sky.yaml",
    "k8s": "k8s.yaml",
    "docker": "docker.sh",
    "ssh": "ssh.sh",
}
DEFAULTS = {
    "gpus": "1",
    "nodes": "1",
    "cpus": "16",
    "hours": "72",
    "accelerator": "H100",
    "spot": "true",
    "image": "coglab",
    "claim": "coglab-runs",
    "bucket": "coglab-runs",
    "host": "user@host",
    "folder": "coglab",
}
"""Options of `launch` and what they are when left out: machines and GPUs of each, cores and hours (Slurm), kind of GPU,
whether it may be taken away and the bucket for runs (SkyPilot), container image, volume claim for runs (Kubernetes), address
and folder (ssh)."""

_NUMBERS = ("gpus", "nodes", "cpus", "hours")
_SINGLE = ("docker", "ssh")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*\Z")


class LaunchError(Exception):
    """Something typed cannot be used; the text says what would work."""


def launch(words):
    """Render, check, and print or write a launch file.

    Args:
        words: `target=...` and options, `--`, and the command.

    Returns:
        The exit code.
    """
    try:
        options, command = _parse(words)
        out = options.pop("out", None)
        text = render(options, command)
        problem = check(options["target"], text)
        if problem:
            raise LaunchError("the rendered file is not valid: " + problem)
        if out is None:
            sys.stdout.write(text)
            return 0
        with open(out, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(out, 0o755 if text.startswith("#!") else 0o644)
        print("%s written; its first lines say how to use it" % out)
    except LaunchError as error:
        print("error: %s" % error, file=sys.stderr)
        return 2
    except OSError as error:
        print("error: %s" % error, file=sys.stderr)
        return 2
    return 0


def _parse(words):
    if "--" not in words:
        raise LaunchError(
            "`launch` needs `--` and a command behind its options: ./tools/run.py launch target=slurm gpus=8 -- "
            "recipes.experiment.cogsguard.train run=first"
        )
    at = words.index("--")
    options = {}
    for word in words[:at]:
        name, equals, value = word.partition("=")
        known = ["target", "out", "name", *DEFAULTS]
        if not equals or name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise LaunchError(
                "`launch` does not know `%s`.%s Options are %s, each as name=value."
                % (word, " Did you mean `%s=`?" % near[0] if near else "", ", ".join(known))
            )
        options[name] = value
    command = words[at + 1 :]
    if not command:
        raise LaunchError("there is no command behind `--`, such as cogsguard.train run=first")
    target = options.get("target", "")
    if target not in TARGETS:
        near = difflib.get_close_matches(target, TARGETS, 1)
        raise LaunchError(
            "target=%s: expected one of %s.%s"
            % (target, ", ".join(TARGETS), " Did you mean %s?" % near[0] if near else "")
        )
    return options, command


def run_of(command):
    """The name of the run in a command, or None."""
    names = [word[4:] for word in command if word.startswith("run=")]
    return names[-1] if names else None


def render(options, command):
    """Fill a launch file in.

    Args:
        options: `target`, and any of DEFAULTS and `name`.
        command: words of the command.

    Returns:
        The text of the file.
    """
    values = dict(DEFAULTS)
    values.update(options)
    target = values["target"]
    run = run_of(command)
    if run is None:
        raise LaunchError(
            "the command needs run=NAME: a machine that takes over goes on with the run of that name"
        )
    if any("\n" in word for word in command):
        raise LaunchError(
            "a word of the command has a line break; put such values into a file: --config FILE"
        )
    for name in _NUMBERS:
        if not values[name].isdigit() or int(values[name]) < 1:
            raise LaunchError("%s=%s: expected a whole number from 1" % (name, values[name]))
    if values["spot"] not in ("true", "false"):
        raise LaunchError("spot=%s: expected true or false" % values["spot"])
    if target in _SINGLE and int(values["nodes"]) > 1:
        raise LaunchError(
            "target=%s is one machine; nodes=%s needs slurm, sky or k8s" % (target, values["nodes"])
        )
    # Names of jobs and containers: letters, digits and dashes are allowed everywhere.
    name = values.get("name", run)
    values["name"] = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:50] or "coglab"
    for key in ("name", "accelerator", "image", "claim", "bucket", "host"):
        if not _PLAIN.match(values[key]):
            raise LaunchError(
                "%s=%s: expected letters, digits and any of . _ : / @ -" % (key, values[key])
            )
    if any(word.startswith("train_dir=") for word in command) and target in (
        "sky",
        "k8s",
        "docker",
    ):
        raise LaunchError(
            "train_dir= is set by the file, to the folder that outlives the machine; leave it out"
        )
    folder = _below_home(values["folder"])
    values["nproc"] = values["gpus"]
    values["command"] = shlex.join(command)
    values["folder"] = shlex.quote(folder)
    values["remote_command"] = shlex.quote(remote_command(folder, command))
    with open(os.path.join(FILES, TARGETS[target]), encoding="utf-8") as file:
        return string.Template(file.read()).substitute(values)


def _below_home(folder):
    """`~/a` -> `a`: ssh and rsync begin in the home folder, and a quoted `~` would be a name."""
    folder = folder.rstrip("/")
    if folder in ("", "~"):
        raise LaunchError(
            "the folder would be the whole home folder, in which files would be removed; name one of its own: ~/coglab"
        )
    return folder[2:] if folder.startswith("~/") else folder


def remote_command(folder, command):
    """The line that a remote shell runs: the command in tmux, or the tmux session that already runs it."""
    session = "coglab-" + re.sub(r"[^A-Za-z0-9_-]+", "-", run_of(command) or "run")
    inner = "./tools/run.py " + shlex.join(command)
    # Without tmux the command ends with the connection, by SIGHUP, and saves.
    return "cd %s && if command -v tmux >/dev/null; then tmux new-session -A -s %s %s; else %s; fi" % (
        shlex.quote(folder), session, shlex.quote(inner), inner,
    )  # fmt: skip


def check(target, text):
    """Look for what would only show on the other machine.

    Args:
        target: a key of TARGETS.
        text: the rendered file.

    Returns:
        What is wrong, or None.
    """
    if TARGETS[target].endswith(".yaml"):
        needed = {
            "sky": ("name", "num_nodes", "resources", "run", "setup", "workdir"),
            "k8s": ("apiVersion", "kind", "metadata", "spec"),
        }[target]
        for part in text.split("\n---\n"):
            missing = [name for name in needed if not re.search("^%s:" % name, part, re.MULTILINE)]
            if missing:
                return "the field `%s` is missing" % missing[0]
        if "\t" in text:
            return "a tab, which YAML forbids"
        return None
    if target == "slurm" and "#SBATCH --requeue" not in text:
        return "`#SBATCH --requeue` is missing"
    bash = shutil.which("bash")
    if bash is None:
        return None
    done = subprocess.run(
        [bash, "-n"], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode else None


def remote(place, command):
    """Copy this repository to another machine and run a command there, in tmux if it has it.

    Args:
        place: `user@host:folder`.
        command: words of the command.

    Returns:
        The exit code of ssh, which is that of the command unless the connection failed (255).
    """
    try:
        host, colon, folder = place.partition(":")
        if not colon or not _PLAIN.match(host):
            raise LaunchError("remote=%s: expected user@host:folder, as in me@box:~/coglab" % place)
        folder = _below_home(folder)
        if not command:
            raise LaunchError(
                "there is no command behind remote=, such as cogsguard.train run=first"
            )
        missing = [name for name in ("ssh", "rsync") if shutil.which(name) is None]
        if missing:
            raise LaunchError("`%s` is not installed here; remote= needs it" % missing[0])
    except LaunchError as error:
        print("error: %s" % error, file=sys.stderr)
        return 2
    excluded = [".venv", ".venv.lock", "train_dir", "__pycache__"]
    steps = [
        ["ssh", host, "mkdir -p " + shlex.quote(folder)],
        ["rsync", "-az", "--delete", *["--exclude=" + name for name in excluded],
         ROOT + "/", "%s:%s/" % (host, shlex.quote(folder))],
    ]  # fmt: skip
    for step in steps:
        print("[remote] " + shlex.join(step), file=sys.stderr, flush=True)
        code = subprocess.call(step)
        if code:
            print("error: `%s` failed with exit code %d" % (step[0], code), file=sys.stderr)
            return code
    if sys.stdin.isatty():
        last = ["ssh", "-t", host, remote_command(folder, command)]
    else:
        last = [
            "ssh",
            host,
            "cd %s && ./tools/run.py %s" % (shlex.quote(folder), shlex.join(command)),
        ]
    print("[remote] " + shlex.join(last), file=sys.stderr, flush=True)
    code = subprocess.call(last)
    print(
        "[remote] fetch the results: rsync -az %s:%s/train_dir/ train_dir/"
        % (host, shlex.quote(folder)),
        file=sys.stderr,
    )
    return code
