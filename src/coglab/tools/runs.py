"""The tools `runs.*`: what can be asked about runs. The work is in `runs_*.py`.

./tools/run.py runs ls
./tools/run.py runs analyze prefix=relh since=14d metric=heart.gained
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from coglab.analysis.config import FilterConfig, HealthConfig, RankConfig, Texts, Words
from coglab.config import Count, UserError
from coglab.tools.base import Tool


class _Sources(Tool):
    """Where runs are looked for."""

    source: Texts = ()
    """Sources: `runs:./train_dir` (ledgers), `wandb-dir:./wandb` (W&B's files), `wandb:entity/project` (the server),
    `table:runs.json` or `.csv`; a bare path works too. Several are merged by run. Left out: `train_dir`, and `./wandb`
    if there is one."""

    project: str | None = None
    """A project on the W&B server, `metta-research/metta`; the same as `source=wandb:metta-research/metta`."""

    train_dir: str = "./train_dir"
    """Folder of all runs."""

    now: str | None = None
    """The time to work at, UTC, such as `2026-01-24T12:00`. Left out: the present. The same data and the same `now` give
    the same bytes."""


class _Filtered(_Sources, FilterConfig):
    """Which runs, from where."""


class LsTool(_Filtered):
    """List runs in the terminal: state, steps, newest value of a metric."""

    metric: str = "heart.gained"
    """The metric whose newest value is shown."""

    sort: str = "created"
    """Column to sort by: `created`, `name`, `state`, `steps`, or `metric`; a `-` before it turns the order round."""

    as_json: bool = Field(False, alias="json")
    """Print JSON."""

    as_csv: bool = Field(False, alias="csv")
    """Print CSV."""

    def check(self) -> None:
        """Check the column; see `Tool.check`."""
        if self.sort.lstrip("-") not in ("created", "name", "state", "steps", "metric"):
            raise UserError(
                f"`sort={self.sort}` is no column; there are `created`, `name`, `state`, `steps`, `metric`."
            )

    def run(self) -> int:
        """List; see `Tool.run`."""
        from coglab.tools import runs_list

        return runs_list.ls(self)


class ShowTool(_Sources):
    """Show one run: facts, configuration, newest metrics, last lines."""

    POSITIONAL: ClassVar[str | None] = "runs"

    runs: Texts = ()
    """Name or id of the run; a bare word does too: `runs show first`."""

    config: bool = False
    """Show the whole configuration."""

    metrics: bool = False
    """Show the newest value of every metric."""

    tail: bool = False
    """Show the last lines of a crash."""

    as_json: bool = Field(False, alias="json")
    """Print JSON."""

    def check(self) -> None:
        """Check that a run is named; see `Tool.check`."""
        if len(self.runs) != 1:
            raise UserError("name one run, for example `runs show first`.")

    def run(self) -> int:
        """Show; see `Tool.run`."""
        from coglab.tools import runs_list

        return runs_list.show(self)


class DiffTool(_Sources):
    """Compare the settings of any number of runs."""

    POSITIONAL: ClassVar[str | None] = "runs"

    runs: Texts = ()
    """Names or ids; bare words do too: `runs diff first second`."""

    show_all: bool = Field(False, alias="all")
    """Also settings that are equal, and those that name or place a run."""

    ignore: Texts = ()
    """Settings to leave out, as patterns: `trainer.optimizer.*`."""

    as_json: bool = Field(False, alias="json")
    """Print JSON."""

    def check(self) -> None:
        """Check that two runs are named; see `Tool.check`."""
        if len(self.runs) < 2:
            raise UserError("name at least two runs, for example `runs diff first second`.")

    def run(self) -> int:
        """Compare; see `Tool.run`."""
        from coglab.tools import runs_list

        return runs_list.diff(self)


class PlotTool(_Filtered):
    """Draw a metric of several runs, in the terminal and as SVG."""

    POSITIONAL: ClassVar[str | None] = "metric"

    metric: str = "heart.gained"
    """The metric; a bare word does too: `runs plot losses/approx_kl prefix=relh`."""

    out: str | None = None
    """SVG file. Left out: only the terminal."""

    def run(self) -> int:
        """Draw; see `Tool.run`."""
        from coglab.tools import runs_list

        return runs_list.plot(self)


class ExportTool(_Filtered):
    """Write the metrics of runs as one long table: run, step, time, metric, value."""

    to: Literal["csv", "jsonl", "parquet"] = "csv"
    """Format. Parquet needs the package pyarrow."""

    out: str | None = None
    """File. Left out: standard output."""

    metrics: Words = ()
    """Only these metrics. Left out: all."""

    def run(self) -> int:
        """Export; see `Tool.run`."""
        from coglab.tools import runs_export

        return runs_export.export(self)


class SyncTool(_Sources):
    """Upload what W&B recorded offline, leaving out empty runs, which would stop the upload of all others."""

    dry: bool = False
    """Only say what would be uploaded."""

    def run(self) -> int:
        """Upload; see `Tool.run`."""
        from coglab.tools import runs_export

        return runs_export.sync(self)


class DoctorTool(_Sources):
    """Say what can be read: sources, credentials, versions."""

    def run(self) -> int:
        """Look; see `Tool.run`."""
        from coglab.tools import runs_export

        return runs_export.doctor(self)


def _as_filter(value: Any) -> Any:
    """Let a text stand for the beginning of a name."""
    return {"prefix": value} if isinstance(value, str) else value


class BaselineConfig(FilterConfig):
    """A set of runs to compare with."""

    source: Texts = ()
    """Where they are. Left out: where the others are."""

    project: str | None = None
    """A project on the W&B server."""


class AnalyzeTool(_Filtered, RankConfig):
    """Rank runs at a common budget, find what goes with the score, and say what to run next; writes a report."""

    compare_with: Annotated[BaselineConfig | None, BeforeValidator(_as_filter)] = None
    """A baseline set: `compare_with=machina1` (names that begin so), or a map of filters and sources,
    `{source: "table:old.json", prefix: relh}`. Another game is never ranked with this one."""

    ignore: Texts = ()
    """Settings to leave out of the contrast, as patterns."""

    mixed: bool = False
    """Rank each game by itself where the runs are of several, instead of refusing."""

    monitor: Words = ()
    """More metrics for the section `Key metrics to monitor`."""

    plan_for: str | None = None
    """Recipe that new commands are for, if it is not that of the runs: `cogsguard.train`."""

    dialect: Literal["coglab", "metta"] = "coglab"
    """`metta`: maps in commands as JSON, which the upstream runner reads."""

    health: HealthConfig = HealthConfig()
    """Thresholds of the health checks."""

    out: str = "./report"
    """Folder of the report; an older report there is replaced."""

    formats: Words = Field(("md", "html", "json"), alias="format")
    """`md`, `html`, `json`."""

    strict: bool = False
    """Exit with 6 if there are warnings about the data."""

    force: bool = False
    """Replace what is in `out` even if it is no report."""

    def check(self) -> None:
        """Check formats and the way of scoring; see `Tool.check`."""
        from coglab.analysis.config import read_rank

        read_rank(self.rank)
        for word in self.formats:
            if word not in ("md", "html", "json"):
                raise UserError(f"`format={word}` is none; there are `md`, `html`, `json`.")

    def run(self) -> int:
        """Analyse; see `Tool.run`."""
        from coglab.tools import runs_analyze

        return runs_analyze.run(self)


class WatchTool(_Sources):
    """Watch one run: its key metrics against their targets and against earlier runs at the same step."""

    POSITIONAL: ClassVar[str | None] = "runs"

    runs: Texts = ()
    """Name of the run; a bare word does too: `runs watch first`."""

    until: Count | None = None
    """Agent steps at which to judge and stop watching. Left out: the run's end."""

    against: str | None = None
    """Earlier runs to compare with: names that begin so. Left out: all finished runs of the same game."""

    metric: str = "heart.gained"
    """The metric that the earlier runs are ordered by."""

    interval_s: float = Field(10.0, gt=0)
    """Seconds between looks."""

    once: bool = False
    """Look once and judge."""

    def check(self) -> None:
        """Check that a run is named; see `Tool.check`."""
        if len(self.runs) != 1:
            raise UserError("name one run, for example `runs watch first until=1e9`.")

    def run(self) -> int:
        """Watch; see `Tool.run`."""
        from coglab.tools import runs_watch

        return runs_watch.watch(self)
