"""The report itself: determinism, escaping, the errors of the hand-made analysis that it must not repeat."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from coglab.analysis.blocks import Table, markdown
from coglab.analysis.config import FilterConfig
from coglab.analysis.report import build
from coglab.analysis.report_sections import teachers
from coglab.analysis.teachers import table
from coglab.analysis.text import MASK
from coglab.analysis.write import is_replaceable, render, write
from coglab.config import UserError
from coglab.games.cogsguard.teachers.scores import teacher_rows
from tests.analysis.synthetic import DAY, NOW, config_of, write_run

JANUARY = Path(__file__).parent.parent / "data" / "january_2026.json"
SEED_DAY = 1_769_212_800.0  # 2026-01-24

HOSTILE = "a\"b'$(touch pwned)`id`|<script>alert(1)</script>\n# head [x](javascript:1) " + "é" * 300


def report_of(doc) -> dict[str, str]:
    return render(doc, {}, ("md", "html", "json"))


def section(text: str, title: str) -> str:
    rest = text.split(f"\n## {title}", 1)[1]
    return rest.split("\n## ", 1)[0]


@pytest.fixture
def january(analyse):
    return analyse(
        f"table:{JANUARY}", now=SEED_DAY, filters=FilterConfig(prefix="relh", since="14d")
    ).data


@pytest.fixture
def dozen(tmp_path):
    """Twelve runs: two settings, three seeds, one crashed, one that fails, one short."""
    for seed in range(3):
        for batch in (1024, 4096):
            write_run(
                tmp_path / "runs",
                f"b{batch}s{seed}",
                batch / 1024 + 0.1 * seed,
                seed=seed,
                config=config_of(**{"trainer.batch_size": batch}),
            )
        write_run(
            tmp_path / "runs",
            f"lr{seed}",
            0.5,
            seed=seed,
            config=config_of(**{"trainer.optimizer.learning_rate": 0.1}),
        )
    write_run(tmp_path / "runs", "gone", 9.0, steps=300_000, state="crashed")
    write_run(tmp_path / "runs", "nan", state="failed", curve=lambda at: at * float("nan"))
    write_run(tmp_path / "runs", "short", 9.0, steps=500_000)
    return tmp_path / "runs"


def test_the_title_names_the_metric_that_ranks(january):
    assert "heart.gained" in build(january).title
    assert "heart.created" not in markdown(build(january))


def test_all_runs_found_are_accounted_for(january):
    assert len(january["runs"]) == 6
    assert len(january["ranked"]) + len(january["not_comparable"]) + len(january["missing"]) == 6
    assert any("6 of the 11" in row["why"] for row in january["cannot"])


def test_running_and_crashed_runs_are_not_ranked_at_unknown_steps(january):
    assert {r["state"] for r in january["ranked"]} == {"finished"}
    assert sorted(r["state"] for r in january["not_comparable"]) == [
        "crashed",
        "running",
        "running",
    ]
    assert january["not_comparable"][0]["score"] == 14.02
    assert len({r["letter"] for r in january["ranked"]}) == 1


def test_what_one_run_states_is_not_said_of_all(january):
    text = markdown(build(january))
    for line in section(text, "Configuration").splitlines():
        assert "teacher_led_proportion" not in line


def test_constant_settings_are_no_causes(january):
    text = markdown(build(january))
    separates = section(text, "What separates the top runs")
    assert "batch_size" not in separates
    assert "total_timesteps" not in separates
    assert "because" not in text.lower().replace("| because", "")


def test_two_values_of_one_setting_are_reported(january):
    assert any(
        "20001317888" in r["text"] and "20000000000" in r["text"] for r in january["quality"]
    )


def test_the_appendix_is_of_the_run_it_names(january):
    assert january["appendix"]["is_best"]
    assert january["appendix"]["name"] == january["ranked"][0]["name"]
    assert "part of the configuration" in section(markdown(build(january)), "Appendix")


def test_a_teacher_that_no_run_used_is_a_prior(january):
    rows = {r["uri"]: r for r in january["teachers"]["rows"]}
    assert rows["metta://policy/dinky:v15"]["runs"] == 3
    assert january["teachers"]["recommendation"]["basis"] == "prior only"


def test_the_report_shows_the_teachers_as_the_list_does():
    rows, _ = table("cogsguard", [], higher=True)
    listed = teacher_rows()
    assert [r["uri"] for r in rows] == [r["uri"] for r in listed]
    for shown, row in zip(rows, listed, strict=True):
        assert (shown["summary"], shown["use"]) == (row["summary"], row["recommendation"])
        assert (shown["pros"], shown["cons"]) == (row["pros"], row["cons"])
        assert shown["pros"]
        assert shown["cons"]
        assert row["arena"] in shown["measured"]
        assert shown["measured"].endswith(row["speed"])
    doc = {"teachers": {"rows": rows, "recommendation": {"uri": None, "text": "nothing"}}}
    (shown_table,) = [block for block in teachers(doc) if isinstance(block, Table)]
    assert len(shown_table.header) == len(shown_table.rows[0])
    for cells, row in zip(shown_table.rows, listed, strict=True):
        assert {row["summary"], row["pros"], row["cons"], row["recommendation"]} <= set(cells[2:6])


def test_repeats_by_name_stand_beside_the_ranking(january):
    groups = {g["name"]: g for g in january["repeats"]["groups"]}
    assert groups["relh.machina1_cloner.114.5.big3_teacherbc"]["spread"] == pytest.approx(1.38)
    assert january["repeats"]["are_presumed"]
    assert january["statistics"]["seed_df"] == 1


def test_the_first_sentence_says_what_cannot_be_shown(january):
    assert january["summary"][0]["text"].startswith("What these runs cannot show")
    assert 3 <= len(january["summary"]) <= 6


def test_every_sentence_has_a_grade_and_a_table(january):
    text = markdown(build(january))
    anchors = {
        re.sub(r"[^a-z0-9]+", "-", h.lower()).strip("-")
        for h in re.findall(r"^#+ (.*)$", text, re.M)
    }
    for row in january["summary"]:
        assert row["grade"]
        assert row["anchor"] in anchors


def test_the_january_document_is_golden(january, request):
    """The table of January as a document, byte for byte. COGLAB_UPDATE=1 rewrites it."""
    january["tool"] = "coglab"
    for row in january["monitor"]:
        row["meaning"] = "(from the table of metrics)"
    for row in january["teachers"]["rows"]:  # scores and costs change with every measurement
        for name in set(row) - {"uri", "name"}:
            row[name] = "(from the table of teachers)" if isinstance(row[name], str) else row[name]
    january["sources"] = ["table:tests/data/january_2026.json"]
    january["remarks"] = [
        r.replace(str(JANUARY), "tests/data/january_2026.json") for r in january["remarks"]
    ]
    for row in january["cannot"]:
        row["why"] = row["why"].replace(str(JANUARY), "tests/data/january_2026.json")
    text = markdown(build(january))
    golden = JANUARY.with_name("january_2026.report.md")
    if os.environ.get("COGLAB_UPDATE") == "1":
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_the_same_input_gives_the_same_bytes(dozen, analyse):
    assert report_of(analyse(dozen).data) == report_of(analyse(dozen).data)


def test_hash_seed_time_zone_and_locale_change_nothing(dozen, tmp_path):
    outputs = []
    for index, (seed, zone, locale) in enumerate(
        (("1", "UTC", "C"), ("2", "Asia/Tokyo", "C.UTF-8"))
    ):
        out = tmp_path / f"out{index}"
        words = [
            "runs.analyze",
            f"source=runs:{dozen}",
            "now=2026-09-21T12:00",
            f"out={out}",
            "plan_for=cogsguard.train",
        ]
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "TZ": zone,
            "LC_ALL": locale,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        subprocess.run(
            [sys.executable, "-m", "coglab.cli", *words],
            check=True,
            env=environment,
            capture_output=True,
        )
        files = {
            p.relative_to(out): p.read_bytes().replace(str(out).encode(), b"OUT")
            for p in sorted(out.rglob("*"))
            if p.is_file()
        }
        outputs.append(files)
        assert json.loads(files[Path("analysis.json")])["command_defects"] == []
    assert outputs[0].keys() == outputs[1].keys()
    for name in outputs[0]:
        assert outputs[0][name] == outputs[1][name], name


class _Strict(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_loads_nothing_and_runs_nothing(dozen, analyse):
    page = report_of(analyse(dozen).data)["report.html"]
    parser = _Strict()
    parser.feed(page)
    assert parser.open == []
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in parser.tags}
    for _, attributes in parser.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(
                ("#", "data:image/svg+xml;base64,", "https://", "http://")
            )
    assert "default-src 'none'" in page
    assert 'alt=""' not in page


def test_hostile_names_and_values_are_text(tmp_path, analyse):
    for index in range(3):
        place = write_run(
            tmp_path / "runs",
            f"r{index}",
            float(index),
            config=config_of(**{"trainer.note": HOSTILE + str(index), "trainer.api_key": "sk-123"}),
        )
        info = json.loads((place / "run.json").read_text())
        info |= {
            "name": HOSTILE + str(index),
            "url": "javascript:alert(1)",
            "tags": [HOSTILE],
            "state": "failed" if index == 0 else "finished",
        }
        info["crash"] = {"class": "X", "message": HOSTILE, "tail": [HOSTILE]}
        (place / "run.json").write_text(json.dumps(info))
    made = report_of(analyse(tmp_path / "runs").data)
    assert "<script" not in made["report.html"]
    parser = _Strict()
    parser.feed(made["report.html"])
    assert not any(str(a.get("href")).startswith("javascript") for _, a in parser.tags)
    text = made["report.md"]
    plain = re.sub(r"(?ms)^(```+)\w*$.*?^\1$", "", text)  # without blocks of code
    plain = re.sub(
        r"(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)", "", plain
    )  # and without what is in code font
    assert not re.search(r"(?<!\\)<script", plain)
    assert not re.search(r"(?<!\\)\]\(javascript", plain)
    assert not re.search(r"(?<!\\)`", plain)
    assert not re.search(r"^# head", text, re.M)
    assert "sk-123" not in "".join(made.values())
    assert MASK in made["report.md"]


def test_every_table_row_has_as_many_cells_as_its_header(dozen, analyse):
    header = None
    for line in report_of(analyse(dozen).data)["report.md"].splitlines():
        count = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else None
        assert header is None or count is None or count == header, line
        header = count


def test_no_host_user_or_absolute_path_is_in_a_report(dozen, analyse):
    made = report_of(analyse(dozen).data)
    for name in ("report.md", "report.html"):
        assert "elsewhere" not in made[name]
    runs = json.dumps(analyse(dozen).data["runs"])
    assert str(dozen.parent) not in runs.replace(f"runs:{dozen}", "").replace(str(dozen), "")


def test_figures_are_drawn_with_text_as_text(dozen, analyse):
    made = report_of(analyse(dozen).data)
    assert set(made) >= {"figures/ranking.svg", "figures/curves.svg", "runs.csv", "analysis.json"}
    assert "<text" in made["figures/curves.svg"]
    assert len(made["figures/curves.svg"]) < 300_000


def test_a_spreadsheet_finds_no_formula(tmp_path, analyse):
    place = write_run(tmp_path, "r0")
    info = json.loads((place / "run.json").read_text())
    (place / "run.json").write_text(json.dumps({**info, "name": "=cmd|' /C calc'!A0"}))
    assert "\n'=cmd" in report_of(analyse(tmp_path).data)["runs.csv"]


def test_a_report_is_replaced_and_anything_else_is_not(tmp_path):
    made = {"report.md": "x\n", "figures/a.svg": "y", "analysis.json": "{}"}
    folder = tmp_path / "out"
    write(folder, made, force=False)
    write(folder, {**made, "report.md": "new\n"}, force=False)
    assert (folder / "report.md").read_text() == "new\n"
    (folder / "thesis.tex").write_text("years of work")
    assert not is_replaceable(folder)
    with pytest.raises(UserError, match="force=true"):
        write(folder, made, force=False)
    assert (folder / "thesis.tex").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


def test_numbers_have_three_digits_and_units():
    from coglab.analysis import text

    assert [text.number(v) for v in (14.02, 0.01234, 1234.5, 0, None, float("nan"))] == [
        "14.0",
        "0.0123",
        "1,230",
        "0",
        "-",
        "-",
    ]
    assert text.number(9.999) == "10.0"
    assert [text.steps(v) for v in (950, 12_345, 20_001_317_888, None)] == [
        "950",
        "12.3 k",
        "20.0 B",
        "?",
    ]
    assert text.steps(999_900) == "1.00 M"
    assert [text.hours(v) for v in (42, 600, 31_320, 30 * DAY)] == [
        "42 s",
        "10 min",
        "8.7 h",
        "30 days",
    ]
    assert NOW > 0


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", ".hidden", "a/b", "con\\..\\x", "", "é" * 300, "-rf"],
)
def test_names_of_files_never_leave_their_folder(name):
    from coglab.analysis.text import file_name

    made = file_name(name)
    assert made
    assert "/" not in made
    assert "\\" not in made
    assert not made.startswith((".", "-"))
    assert len(made) <= 80
