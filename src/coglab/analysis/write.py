"""The report's folder: written aside, then renamed; an existing folder is replaced only if it is a report."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from coglab.analysis.blocks import markdown
from coglab.analysis.figures import alternative, figures
from coglab.analysis.html import html
from coglab.analysis.report import build
from coglab.analysis.text import masked
from coglab.config import UserError

DOCUMENT = "analysis.json"
FORMATS = ("md", "html", "json")


def render(
    doc: dict[str, Any], configs: Mapping[str, Any], formats: Collection[str]
) -> dict[str, str]:
    """Make every file of a report.

    Args:
        doc: the document.
        configs: file name -> configuration; values that sound secret are masked.
        formats: of `md`, `html`, `json`.

    Returns:
        Path inside the folder -> text.
    """
    report = build(doc)
    drawn = figures(doc) if {"md", "html"} & set(formats) else {}
    made: dict[str, str] = {}
    if "json" in formats:
        made[DOCUMENT] = (
            json.dumps(doc, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
        )
    if "md" in formats:
        made["report.md"] = markdown(report)
        made |= drawn
    if "html" in formats:
        made["report.html"] = html(report, drawn, {path: alternative(doc, path) for path in drawn})
    made["runs.csv"] = _table(doc)
    for name, config in configs.items():
        made[name] = yaml.safe_dump(
            masked(config), sort_keys=True, allow_unicode=True, default_flow_style=False
        )
    return made


def write(folder: Path, made: Mapping[str, str], force: bool) -> None:
    """Write a report's files.

    Args:
        folder: where; made if absent.
        made: path -> text.
        force: replace what is there even if it is no report.

    Raises:
        UserError: something else is there, or it cannot be written.
    """
    if folder.exists() and not is_replaceable(folder) and not force:
        raise UserError(
            f"`out={folder}` exists and is no report of ours; choose another folder, or replace it with force=true."
        )
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        for name, text in made.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        if folder.exists():
            os.replace(folder, old)
        os.replace(aside, folder)
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write the report to `{folder}`: {error.strerror or error}."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def is_replaceable(folder: Path) -> bool:
    """Whether a folder is empty or holds nothing but a report."""
    if not folder.is_dir() or folder.is_symlink():
        return False
    known = {DOCUMENT, "report.md", "report.html", "runs.csv", "figures", "configs"}
    names = {entry.name for entry in folder.iterdir()}
    return not names or (names <= known and bool(names & {DOCUMENT, "report.md", "report.html"}))


def _table(doc: dict[str, Any]) -> str:
    """Runs with score and settings as CSV. Cells that a spreadsheet would run as formulas get a quote before them."""
    scored = {row["name"]: row for row in [*doc["ranked"], *doc["not_comparable"]]}
    keys = sorted({key for row in doc["runs"] for key in row["settings"]})
    varying = [key for key in keys if len({row["settings"].get(key) for row in doc["runs"]}) > 1]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    metric = doc["metric"]["resolved"]
    facts = ("name", "state", "created", "recipe", "seed", "last_step", "target_steps", "unit")
    writer.writerow([*facts, metric, "error", "rank", "letter", "why_not", *varying])
    for row in doc["runs"]:
        own = scored.get(row["name"], {})
        cells = [
            *(row[name] for name in facts),
            *(own.get(n) for n in ("score", "error", "rank", "letter", "why_not")),
        ]
        writer.writerow(
            [_safe(c) for c in [*cells, *(row["settings"].get(key) for key in varying)]]
        )
    return out.getvalue()


def _safe(value: Any) -> Any:
    if (
        isinstance(value, str)
        and value[:1] in ("=", "+", "-", "@", "\t", "\r")
        and not _is_number(value)
    ):
        return "'" + value
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
