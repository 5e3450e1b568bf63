"""Files for other machines, and commands over ssh, against stand-ins for the programs that they call."""

import ast
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

COMMAND = [
    "recipes.experiment.cogsguard.train",
    "run=My_Run.1",
    'teacher={policy_uri: "metta://policy/cogsguard?gear=10", it: "it\'s $HOME `x`"}',
]

TARGETS = ("slurm", "sky", "k8s", "docker", "ssh")


def run(*words, **options):
    """Type a command at the launcher."""
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "run.py"), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def rendered(target, *words):
    """The file that `launch` prints."""
    done = run("launch", f"target={target}", *words, "--", *COMMAND)
    assert done.returncode == 0, done.stderr
    return done.stdout


def stand_in(folder, name, script):
    """Put a program of this name on a path of its own."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/usr/bin/env bash\n" + script)
    path.chmod(0o755)


def record_arguments(folder, name="run.py"):
    """A stand-in for `tools/run.py` that writes its words down."""
    tools = folder / "tools"
    stand_in(tools, name, 'printf "%s\\n" "$@" > "$WORDS"\nexit "${CODE:-0}"\n')


@pytest.mark.parametrize("target", ["slurm", "docker", "ssh"])
def test_scripts_are_valid_bash(target):
    text = rendered(target, "gpus=8", "host=me@box")
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_slurm_job_starts_one_launcher_per_machine_and_queues_itself_again_when_it_was_stopped(
    tmp_path,
):
    script = tmp_path / "job.sbatch"
    done = run("launch", "target=slurm", "gpus=8", "nodes=4", f"out={script}", "--", *COMMAND)
    assert done.returncode == 0, done.stderr
    text = script.read_text()
    for line in ("--nodes=4", "--gpus-per-node=8", "--ntasks-per-node=1", "--signal=TERM@120"):
        assert f"#SBATCH {line}" in text
    record_arguments(tmp_path)
    bins = tmp_path / "bin"
    stand_in(bins, "srun", 'shift\nexec "$@"\n')
    stand_in(bins, "scontrol", 'echo "$@" >> "$SCONTROL"\nprintf "first\\nsecond\\n"\n')
    variables = {
        **os.environ,
        "PATH": f"{bins}{os.pathsep}{os.environ['PATH']}",
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_JOB_NODELIST": "first,second",
        "SLURM_JOB_ID": "7",
        "SLURM_NODEID": "2",
        "WORDS": str(tmp_path / "words"),
        "SCONTROL": str(tmp_path / "scontrol"),
    }
    for code in ("0", "143", "1"):
        ended = subprocess.run(
            ["bash", str(script)], env={**variables, "CODE": code}, check=False, timeout=60
        )
        assert ended.returncode == int(code)
    words = (tmp_path / "words").read_text().splitlines()
    assert words == ["nproc=8", "nodes=4", "node=2", "master=first:29500", *COMMAND]
    assert (tmp_path / "scontrol").read_text().count("requeue 7") == 1


def test_a_sky_file_names_what_skypilot_needs():
    data = yaml.safe_load(rendered("sky", "gpus=4", "nodes=2", "accelerator=H200", "spot=false"))
    assert data["num_nodes"] == 2
    assert data["resources"]["accelerators"] == "H200:4"
    assert data["resources"]["use_spot"] is False
    assert data["file_mounts"]["/train_dir"]["mode"] == "MOUNT"
    words = shlex.split(data["run"].replace("\\\n", " "))
    assert words[-4:] == [*COMMAND, "train_dir=/train_dir"]


def test_a_kubernetes_job_asks_for_its_gpus_and_starts_the_command():
    service, job = yaml.safe_load_all(
        rendered("k8s", "gpus=8", "nodes=2", "image=ghcr.io/me/coglab:1")
    )
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert job["apiVersion"] == "batch/v1"
    assert (job["spec"]["completions"], job["spec"]["completionMode"]) == (2, "Indexed")
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == "ghcr.io/me/coglab:1"
    assert container["resources"]["limits"] == {"nvidia.com/gpu": 8}
    assert pod["terminationGracePeriodSeconds"] >= 60
    assert {volume["name"] for volume in pod["volumes"]} == {
        mount["name"] for mount in container["volumeMounts"]
    }
    words = shlex.split(container["args"][0].replace("\\\n", " "))
    assert words[:2] == ["exec", "./tools/run.py"]
    assert words[-4:] == [*COMMAND, "train_dir=/train_dir"]
    assert job["metadata"]["name"] == "my-run-1"


def test_the_container_runs_what_is_typed_behind_its_name():
    text = (ROOT / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["python", "tools/run.py"]' in text
    copied = text[text.index("COPY pyproject.toml") :].split("\n", 1)[0].split()[1:-1]
    assert all((ROOT / name).is_file() for name in copied)


def make_ssh(tmp_path):
    """`ssh` that runs the command in a home of its own, and `rsync` that copies nothing; returns variables."""
    home, bins = tmp_path / "home", tmp_path / "bin"
    record_arguments(home / "runs" / "coglab")
    stand_in(
        bins,
        "ssh",
        f'echo "$1" >> {tmp_path}/hosts\n[ "$1" = -t ] && shift\nshift\ncd {home} && exec bash -c "$*"\n',
    )
    stand_in(bins, "rsync", f'printf "%s\\n" "$@" > {tmp_path}/rsync\nexit "${{RSYNC:-0}}"\n')
    path = f"{bins}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "WORDS": str(tmp_path / "words")}


@pytest.fixture(autouse=True)
def folders(tmp_path):
    """The remote machine's folders."""
    (tmp_path / "home" / "runs" / "coglab" / "tools").mkdir(parents=True)


def test_remote_copies_the_repository_and_runs_the_command_there(tmp_path):
    variables = make_ssh(tmp_path)
    done = run(
        "remote=me@box:~/runs/coglab",
        *COMMAND,
        env={**variables, "CODE": "143"},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 143, done.stderr
    assert (tmp_path / "words").read_text().splitlines() == COMMAND
    assert set((tmp_path / "hosts").read_text().split()) == {"me@box"}
    copied = (tmp_path / "rsync").read_text().splitlines()
    assert copied[-2:] == [f"{ROOT}/", "me@box:runs/coglab/"]
    # `--delete` spares what is excluded: the remote results and environment.
    assert {"--exclude=train_dir", "--exclude=.venv"} <= set(copied)
    assert "rsync -az me@box:runs/coglab/train_dir/ train_dir/" in done.stderr


def test_a_remote_copy_that_fails_starts_nothing(tmp_path):
    variables = make_ssh(tmp_path)
    done = run("remote=me@box:~/runs/coglab", *COMMAND, env={**variables, "RSYNC": "23"})
    assert done.returncode == 23
    assert not (tmp_path / "words").exists()


def test_the_ssh_script_and_its_tmux_session_get_the_words_as_they_were_typed(tmp_path):
    variables = make_ssh(tmp_path)
    # tmux runs its last word with a shell.
    stand_in(tmp_path / "bin", "tmux", 'exec bash -c "${@: -1}"\n')
    script = rendered("ssh", "host=me@box", "folder=~/runs/coglab")
    done = subprocess.run(
        ["bash", "-c", script],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "words").read_text().splitlines() == COMMAND


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["target=slurm"], "needs `--`"),
        (["target=slrum", "--", *COMMAND], "Did you mean slurm?"),
        (["target=slurm", "gpu=8", "--", *COMMAND], "Did you mean `gpus=`?"),
        (["target=slurm", "gpus=none", "--", *COMMAND], "whole number"),
        (["target=docker", "nodes=2", "--", *COMMAND], "is one machine"),
        (["target=slurm", "--", "cogsguard.train"], "run=NAME"),
        (["target=k8s", "image=a b", "--", *COMMAND], "image=a b"),
        (["target=k8s", "--", *COMMAND, "train_dir=x"], "train_dir= is set"),
        (["target=k8s", "--", *COMMAND, "tag=a\nb"], "line break"),
        (["target=ssh", "folder=~", "--", *COMMAND], "whole home folder"),
        (["target=slurm", "--"], "no command"),
    ],
)
def test_what_cannot_be_used_is_answered_with_what_can(words, hint):
    done = run("launch", *words)
    assert done.returncode == 2
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["remote=box", *COMMAND], "user@host:folder"),
        (["remote=-oProxyCommand=x:y", *COMMAND], "user@host:folder"),
        (["remote=me@box:~/"], "whole home folder"),
        (["remote=me@box:~/coglab"], "no command"),
    ],
)
def test_a_remote_place_that_cannot_be_used_is_named(words, hint):
    done = run(*words)
    assert done.returncode == 2
    assert hint in done.stderr


def test_the_launcher_parses_on_an_old_python():
    for name in ("_launch.py", "_env.py", "run.py"):
        ast.parse((ROOT / "tools" / name).read_text(), feature_version=(3, 8))
