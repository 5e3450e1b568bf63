"""Weights & Biases as a sink: it may be absent, refuse, or hang, and training goes on.

The package is imported only here and only when it is used. Everything that it writes lies in `<run directory>/wandb`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import netrc
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from coglab.config.errors import UserError
from coglab.tracking.config import WandbConfig
from coglab.tracking.names import STEP_METRIC

Mode = Literal["online", "offline", "disabled"]

INIT_TIMEOUT_S = 15.0
"""How long a start waits for the server before it goes on offline."""

FINISH_TIMEOUT_S = 60.0
"""How long an end waits for uploads. What is not uploaded by then stays in the run directory and can be synced."""

_FLUSH_S = 2.0
_INSTALL = "install it with `pip install wandb` or start with `./tools/run.py --with wandb ...`"


class WandbSink:
    """An open W&B run. Made by `open_wandb`; no method raises.

    Attributes:
        mode: `online` or `offline`.
        run_id: id of the run, which is also its name.
        url: its page, None offline.
        folder: where its local files lie.
        sync_command: uploads an offline run later.
    """

    def __init__(self, run: Any, mode: Mode, warn: Callable[[str], None]) -> None:
        self._run = run
        self._warn: Callable[[str], None] | None = warn
        self.mode = mode
        self.run_id = str(run.id)
        self.url: str | None = str(run.url) if mode == "online" and run.url else None
        self.folder = Path(run.dir).parent
        self.sync_command = f"wandb sync {shlex.quote(str(self.folder))}"

    def describe(self) -> dict[str, Any]:
        """What the ledger records of it."""
        return {
            "mode": self.mode,
            "id": self.run_id,
            "url": self.url,
            "folder": str(self.folder),
        }

    def log(self, metrics: Mapping[str, Any]) -> None:
        """Send one row. It must hold the step metric; W&B's own step is not used, so a resumed run may go back."""
        with self._trouble_is_told_once("log"):
            self._run.log(dict(metrics))

    def alert(self, title: str, text: str) -> None:
        """Tell the run's owner; offline it is kept and sent when the run is synced."""
        with self._trouble_is_told_once("alert"):
            self._run.alert(title=title, text=text)

    def summary(self, values: Mapping[str, Any]) -> None:
        """Set values of the run as a whole, numbers or text."""
        with self._trouble_is_told_once("summary"):
            self._run.summary.update(dict(values))

    def finish(self, exit_code: int) -> None:
        """End the run and say how; W&B's own guess is wrong for `SystemExit` and signals."""
        with self._trouble_is_told_once("finish"):
            self._run.finish(exit_code=exit_code)

    @contextlib.contextmanager
    def _trouble_is_told_once(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # whatever a client of a remote service may raise
            if self._warn is not None:
                self._warn(f"W&B: {what} failed ({_short(error)}); training goes on")
                self._warn = None


def open_wandb(
    config: WandbConfig,
    run_dir: Path,
    *,
    name: str,
    run_config: dict[str, Any],
    capture_console: bool,
    say: Callable[[str], None],
) -> WandbSink | None:
    """Start or continue a W&B run, in the mode that is possible.

    Args:
        config: mode, project, entity, tags, group, notes.
        run_dir: run directory; W&B's files go into its folder `wandb`.
        name: becomes display name and id (characters that W&B refuses become `-` in the id).
        run_config: the effective configuration, shown as the run's config.
        capture_console: whether W&B also keeps what the process prints.
        say: is given one line about the outcome, and warnings later.

    Returns:
        The open run, or None if W&B is disabled or not possible.

    Raises:
        UserError: if `wandb.mode` asks for W&B explicitly and it is not installed.
    """
    mode, reason = choose_mode(config, os.environ)
    if reason:
        say(f"W&B: {reason}")
    if mode == "disabled":
        return None
    run_id = re.sub(r"[:;,#?/'\\%]", "-", name)
    arguments = {
        "id": run_id,
        "name": name,
        "project": _project(config),
        "entity": config.entity,
        "group": config.group,
        "tags": list(config.tags),
        "notes": config.notes,
        "config": run_config,
        "dir": str(run_dir),
        "resume": "allow",
    }
    run = None
    if mode == "online":
        try:
            run = _init(arguments, "online", run_dir, capture_console)
        except (
            Exception
        ) as error:  # refused, unreachable, timed out: all mean that this run is recorded offline
            say(f"W&B: cannot go online ({_short(error)}); recording offline instead")
            mode = "offline"
    if run is None:
        try:
            run = _init(arguments, "offline", run_dir, capture_console)
        except Exception as error:  # as above; the ledger has everything
            say(f"W&B: off, it cannot start ({_short(error)})")
            return None
    sink = WandbSink(run, mode, say)
    with sink._trouble_is_told_once("define_metric"):
        run.define_metric(STEP_METRIC)
        run.define_metric("metric/total_time", step_metric=STEP_METRIC)
        run.define_metric("overview/reward_vs_total_time", step_metric="metric/total_time")
        run.define_metric("*", step_metric=STEP_METRIC)
    say(f"W&B: {sink.url}" if sink.url else f"W&B: offline; upload later with: {sink.sync_command}")
    return sink


def choose_mode(config: WandbConfig, environment: Mapping[str, str]) -> tuple[Mode, str | None]:
    """Decide between online, offline and disabled.

    Args:
        config: what the user configured.
        environment: environment variables; `WANDB_MODE` wins over `auto`.

    Returns:
        The mode, and a sentence for the user if it needs one.

    Raises:
        UserError: if `wandb.mode` asks for W&B explicitly and it is not installed.
    """
    if config.mode == "disabled":
        return "disabled", None
    wanted: str = config.mode
    if wanted == "auto":
        asked = environment.get("WANDB_MODE", "").lower()
        if asked == "disabled":
            return "disabled", None
        wanted = {"online": "online", "offline": "offline", "dryrun": "offline"}.get(asked, "auto")
    if importlib.util.find_spec("wandb") is None:
        if config.mode != "auto":
            raise UserError(
                f"wandb.mode={config.mode} needs the package wandb, which is not installed; "
                f"{_INSTALL}, or use wandb.mode=auto."
            )
        return "disabled", f"off, the package is not installed ({_INSTALL})"
    if wanted == "offline":
        return "offline", None
    if has_credentials(environment):
        return "online", None
    if wanted == "online":
        return "offline", "no credentials found (`wandb login` stores them); recording offline"
    return "offline", None


def has_credentials(environment: Mapping[str, str]) -> bool:
    """Whether an API key is in the environment or in the file where `wandb login` puts it."""
    if environment.get("WANDB_API_KEY") or environment.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    home = Path(environment.get("HOME", "~")).expanduser()
    files = (
        [Path(environment["NETRC"])]
        if "NETRC" in environment
        else [home / ".netrc", home / "_netrc"]
    )
    host = urlsplit(environment.get("WANDB_BASE_URL", "")).netloc
    for file in files:
        try:
            hosts = netrc.netrc(str(file)).hosts
        except (OSError, netrc.NetrcParseError):
            continue
        if any(known == host or (not host and "wandb" in known) for known in hosts):
            return True
    return False


def _project(config: WandbConfig) -> str:
    """The project that was configured, else the one in the environment, else the default."""
    if "project" in config.model_fields_set:
        return config.project
    return os.environ.get("WANDB_PROJECT") or config.project


def _init(arguments: dict[str, Any], mode: Mode, run_dir: Path, capture_console: bool) -> Any:
    """Call `wandb.init`, silently and without questions; a failed attempt leaves no folder behind."""
    home = run_dir / "wandb"
    before = set(home.glob("*run-*"))
    # The client's core process takes these from the environment. Without them it writes into the home folder.
    private = {
        "WANDB_SILENT": "true",
        "WANDB_CACHE_DIR": str(home / "cache"),
        "WANDB_CONFIG_DIR": str(home / "config"),
        "WANDB_DATA_DIR": str(home / "data"),
    }
    import wandb

    try:
        with _environment(private):
            settings = {
                "silent": True,
                "console": "auto" if capture_console else "off",
                "init_timeout": INIT_TIMEOUT_S,
                "login_timeout": 1,  # should it ask for a key after all, it does not wait for an answer
                "finish_timeout": FINISH_TIMEOUT_S,
                "x_transaction_log_flush_interval": _FLUSH_S,
                "save_code": False,
            }
            known = getattr(wandb.Settings, "model_fields", {})
            options = {name: value for name, value in settings.items() if name in known}
            return wandb.init(**arguments, mode=mode, settings=wandb.Settings(**options))
    except BaseException:
        with contextlib.suppress(Exception):
            wandb.teardown()  # else the core process keeps the id as taken
        for folder in set(home.glob("*run-*")) - before:
            if folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder, ignore_errors=True)
        raise


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables that are not set, for the time being."""
    added = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _short(error: BaseException) -> str:
    """The first line of an error, short enough for a terminal line."""
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."
