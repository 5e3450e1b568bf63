"""docs/06-teachers.md and docs/teachers/: every scripted teacher, from the registry and the stored scores."""

# ruff: noqa: E501 (the prose of the pages)
from __future__ import annotations

from coglab.games.cogsguard.teachers.registry import PREFIX, TEACHERS, Parameter, TeacherInfo
from coglab.games.cogsguard.teachers.scores import (
    FRESH,
    SETTINGS,
    VARIANTS,
    read_scores,
    speed_text,
    teacher_rows,
)
from docpages import ablations
from docpages.markdown import page, table

PATH = "docs/06-teachers.md"
FOLDER = "docs/teachers"

PLAYS = {
    "cogsguard": """Every agent plays the role that its vibe shows; an agent without a role takes one with its first action.

* **miner**: buys miner gear when the stock can pay, gathers the element that pays best (near extractors, scarce elements first), and brings it to
  the nearest hub or junction of ours when its hold is full.
* **aligner**: buys aligner gear, takes up to 9 hearts from a chest, and walks to the nearest neutral junction that lies outside known enemy ground
  and within reach of own ground; without influence it first goes where influence regrows, but on enemy ground it goes on. Without a target it
  looks at unknown ground near home and at junctions that it has not seen for long.
* **scrambler**: the same with scrambler gear, two hearts and the nearest junction of the clips.
* **scout**: buys scout gear and goes to the nearest unknown ground.

All of them go home in time: `slack`, the hp left on arrival at own ground by the route known, must stay above 10.

Agents with the role `gear` choose (`roles=stock`): by their seat in the team, a share from west to east that the first observation shows, and by
the scarcest element in stock. The more there is in stock, the fewer mine (from 70 % to 30 % of the team). An aligner that knows no target but a
junction of the clips becomes a scrambler and back. Under `roles=team` the team counts its needs every 40 ticks; agents that carry
hearts go on fighting. Under `memory=team` two fighters never walk to the same junction: the nearer one claims it. And a team has patience: in the 50 ticks before a
presence check (ticks 50, 150, ...) it does not free the last known junction of the clips but waits beside it, and frees it in the tick of the check. A check
that finds a junction of theirs gives them no other, so then they own nothing for a hundred ticks.""",
    "teacher": """The first action of an episode shows a role: agent i of a game's e-th episode gets entry (e + i) mod length of `role_vibes`. From then on
it plays that role as `cogsguard` does, or whatever role it shows: the trainer may force another one.""",
    "miner": "Every agent mines, as the miners of `cogsguard` do. Ground stays that of the hub, so only extractors near it can be reached safely.",
    "scout": "Every agent explores, as the scouts of `cogsguard` do. The first stock pays for three pieces of scout gear; the others explore without.",
    "aligner": "Every agent is an aligner. As nobody else mines, agents that wait for a heart mine by hand: 4 elements a trip.",
    "scrambler": "Every agent is a scrambler; as for `aligner`, they mine by hand for their hearts.",
}

MAY_SEE = """With `memory=own` an agent decides from what it has itself observed in the running episode, and from constants of the game (the buildings around a
hub). Its index in the team shapes at most the label that gives it its first role; such labels have weight 0. With `memory=team`: from what any
agent of its team has observed. With `memory=full`: from the whole map; no student can copy that. Property tests show exactly
what is excluded a different world, and expect the same labels (`tests/games/cogsguard/teachers/`)."""

CLONING = """`python -m benchmarks.cloning --steps 2500000` (2026-11-25, two cores, 15 minutes beside other work): nine students of `fast`, arena, 10 agents, 2.5 million
steps of labels alone, half of the rows led by the teacher, half by the student. Then they play 64 held-out maps, sampled, and the *own-memory* teacher labels
what they see. Agreement is the share of steps at which the action is one that it calls right; ± is the standard error over seeds.

| labels of | agreement | reward | hearts | rewards of seeds 1, 2, 3 |
| --- | --- | --- | --- | --- |
| `cogsguard?gear=10`, own memory | 0.923 ± 0.004 | 0.490 ± 0.013 | 9.46 ± 0.14 | 0.475, 0.477, 0.516 |
| `&memory=team&labels=own`: the team acts, own labels | 0.911 ± 0.005 | 0.466 ± 0.013 | 9.27 ± 0.07 | 0.446, 0.461, 0.492 |
| `&memory=team`: the team acts, its labels | 0.000 | 0.000 | 0.51 ± 0.01 | 0.000, 0.000, 0.000 |

A student cannot learn from a team that hands out roles: which role it gets does not follow from what it sees, so that label has weight 0, and a student that never shows a role never
does anything. With own labels the better play of the team is seen but not needed: no gain over the simple teacher, which stays the recommendation."""

FRESH_MAPS = """Some numbers of the rules were chosen by looking at held-out maps from seed 1,000,000 on, so scores there may flatter. The same teachers on 64 maps from seed
1,001,000 on, which were played for this table only (`python -m benchmarks.teacher_scores --fresh`):"""

ELEMENTS = """`python -m benchmarks.teacher_ablations` (2026-12-01) switches off one element of the rules at a time and plays the same held-out maps: 64 at 1,000 ticks, 16 at 10,000
(there the elements that the table shows only).
Differences in reward to the full teacher; bold where the 95 % interval, paired over maps, excludes 0. With intervals, hearts and junctions: [teachers/ablations.md](teachers/ablations.md).

What it shows:

* Most of all it matters that miners have gear, that routes lead around agents that stand in the way, that fighters take several hearts a trip, and that scarce elements
  come first. For a team also: one map for all, and scramblers on the arena.
* Scramblers cost a little on machina_1 in 1,000 ticks, where the clips are still few and far away; on the arena and over 10,000 ticks they are needed.
* Patience changes nothing in 1,000 ticks. It is for long games, where hearts run out (docs/log.md).
* Over 10,000 ticks a second and third scrambler by the number of the clips' junctions (`scramblers by need`) cost 0.004: those that come when the stock is full are enough.
* Not worth their line, by these numbers: `safe ground` (since aligners do not go back for influence from enemy ground, where they wait for it does not matter), `explore
  carefully`, and `influence on the way`: no setting shows a difference. `go home in time` is worth less than 0.01: hp 0 costs gear and hearts, but little time passes far
  from own ground. They stay: each is one condition, and what cannot be told from 0 on average may matter on a map of one's own."""

GOALS = """A student cannot learn to go to and fro, so a goal (a route class, such as `chest` or `align`) should be kept until it is reached: for 8 ticks in the median, it was asked.
`python -m benchmarks.teacher_goals` follows every agent for 1,000 ticks on 8 held-out maps and says how each stretch with one goal ends: *reached*; *gone* (the
target was seen, or somebody else took it); by a change of *role*; or *left* for another goal, although the target is still there. An agent *wavers* if it is
back within 8 ticks at a goal that it left.

| | stretches, median ticks | way to the target when they begin, median moves | length / way of those that reach it | reached | gone | role | left | wavering | steps spent wavering |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| arena, own memory | 11 | 9 | 1.18 | 66.6 % | 7.7 % | 7.7 % | 17.9 % | 6.9 % | 1.2 % |
| arena, team memory | 10 | 9 | 1.20 | 67.9 % | 8.7 % | 2.0 % | 21.4 % | 5.7 % | 1.2 % |
| machina_1, own memory | 12 | 10 | 1.19 | 69.4 % | 4.8 % | 6.2 % | 19.7 % | 6.5 % | 1.0 % |
| machina_1, team memory | 11 | 10 | 1.20 | 76.6 % | 2.9 % | 2.8 % | 17.7 % | 4.8 % | 0.9 % |
| *before*: arena, own memory | 6 | 8 | 1.12 | 44.8 % | 5.8 % | 5.7 % | 43.7 % | 36.0 % | 4.5 % |
| *before*: arena, team memory | 5 | 10 | 1.17 | 47.1 % | 6.6 % | 1.3 % | 45.0 % | 30.5 % | 5.0 % |
| *before*: machina_1, own memory | 6 | 9 | 1.20 | 47.0 % | 3.4 % | 4.1 % | 45.4 % | 33.0 % | 4.0 % |
| *before*: machina_1, team memory | 10 | 11 | 1.19 | 68.7 % | 3.8 % | 2.9 % | 24.6 % | 10.8 % | 1.6 % |

Shares are of all stretches. By role (own memory, arena / machina_1): miners 9 / 11 ticks, whose extractors and depots are 7 / 9 moves away; aligners 13 / 14
(before: 1 / 2); scramblers 23 / 22. So the short median was real flicker, not short ways: three fifths of all the stretches of an aligner ended with a step to and fro between
`safe_ground`, where it got influence, and a target behind enemy ground, where it lost it at once; and it went back for influence even when it had no target. It now goes back only off
enemy ground and when there is something to take. A stretch is not longer than the way to the nearest target, so a median far above 9 would be a fault of another kind.
`tests/games/cogsguard/teachers/test_goals.py` holds the median at 8 ticks and more, and the wavering below 2.5 % of the steps."""

CEILING = """`python -m benchmarks.teacher_ceiling` derives, for each map, a reward that no team of 8 can exceed, whatever it knows: nobody is at a junction before the
shortest way there is walked, and every junction costs bumps, moves from the one before, and the mining of its heart. It leaves out gear, energy, the
ways to extractors and back, exploration and the clips, so no real team reaches it. Beside it: `memory=full`, the same rules of play
with nothing left to find out. Mean over the 64 held-out maps:"""

BOUNDS = {"arena": 0.974, "machina_1": 0.933, "machina_1_long": 0.993}
"""Setting -> mean bound, printed by `benchmarks/teacher_ceiling.py`."""

HEARTS_BOUND = 332
"""Hearts that the scarcest element of a machina_1 map pays for, mean; from the same program."""


def render() -> str:
    """The overview."""
    header = [
        "URI",
        "what it does",
        "use",
        "good",
        "bad",
        *(s.title for s in SETTINGS.values()),
        "speed",
    ]
    rows = [
        [
            f"`{row['uri']}`",
            row["summary"],
            row["recommendation"],
            row["pros"],
            row["cons"],
            *(row[setting] for setting in SETTINGS),
            row["speed"],
        ]
        for row in teacher_rows()
    ]
    pages = "\n".join(
        f"* [{name}](teachers/{name}.md): {info.summary}" for name, info in TEACHERS.items()
    )
    return page(
        "# Teachers",
        "A teacher is a scripted policy. In training it labels every step: what it would do there, which other actions are as good, and how much the "
        "label counts. `coglab --list teachers` prints this table; reports quote it.",
        table(header, rows),
        "Scores: reward / hearts gained per agent, mean over 64 held-out maps (seeds from 1,000,000), 8 agents; intervals are on the pages below. "
        "Speed: labelled agent steps per second of one core's CPU time with step and observation, 64 games of machina_1, ticks 500 to 1500, an otherwise idle core (2026-12-01). "
        "Measured by `python -m benchmarks.teacher_scores` and `python -m benchmarks.teachers --store`.",
        "## The pages",
        pages,
        "Of the game machina_1: [dinky](teachers/dinky.md): gathers the four elements and crafts hearts, alone or four agents together.",
        "## Labels",
        "Every label is a function of the current read-out of the map memory (under `memory=team` and `full` of the tick too): no counters, no plans, no "
        "randomness, and it never matters which label was carried out. `label_mask` has all optimal first moves of the route that is followed (and `noop` beside them while energy is short, because then "
        "every move fails for free); `label_weight` is 0 where the action follows from something that the agent cannot observe.",
        "`memory=team&labels=own`: the team teacher acts, and the own-memory label is what students imitate. The student sees the states of strong play "
        "and is asked only for what it can know.",
        "## Maps that nothing was tuned on",
        FRESH_MAPS,
        _fresh_scores(),
        "## What each element is worth",
        ELEMENTS,
        ablations.summary(),
        "## How long a goal is kept",
        GOALS,
        "## How near the ceiling",
        CEILING,
        _ceilings(),
        _hearts_used(),
        "## Which one to clone",
        CLONING,
        "## A teacher of your own",
        "See [09-your-own-teacher.md](09-your-own-teacher.md).",
    )


def render_teacher(name: str) -> str:
    """The page of one teacher."""
    info = TEACHERS[name]
    return page(
        f"# `{info.uri}`",
        f"{info.summary[0].upper()}{info.summary[1:]}. Use: {info.recommendation}. Good: {info.pros}. Bad: {info.cons}.",
        "## What it does",
        PLAYS[name],
        "## What it may see",
        MAY_SEE,
        "## Parameters",
        _parameters(info.parameters),
        "## Scores",
        _scores(info),
    )


def _parameters(parameters: tuple[Parameter, ...]) -> str:
    if not parameters:
        return "None."
    rows = [[f"`{p.name}`", f"`{p.name}={p.example}`", p.meaning] for p in parameters]
    return table(["name", "example", "meaning"], rows)


def _scores(info: TeacherInfo) -> str:
    scores = read_scores()
    uris = [info.uri, *(u for u in VARIANTS if u.partition("?")[0] == PREFIX + info.name)]
    rows = []
    for uri in uris:
        for setting, how in SETTINGS.items():
            cell = scores.get(uri, {}).get(setting)
            if cell is None:
                continue
            rows.append(
                [
                    f"`{uri}`",
                    how.title,
                    *(_interval(cell[metric], digits) for metric, digits in _METRICS),
                    f"{cell['cells_seen']:.0f}" if "cells_seen" in cell else "-",
                    speed_text(scores, uri),
                ]
            )
    if not rows:
        return "Not measured."
    header = [
        "URI",
        "on",
        "reward",
        "hearts",
        "junction ticks held",
        "of the clips",
        "elements brought",
    ]
    return table([*header, "junctions taken", "freed", "cells seen per memory", "speed"], rows)


def _ceilings() -> str:
    """Rewards beside their bounds."""
    scores = read_scores()
    own, team, full = (
        {
            setting: scores[uri][setting]["reward"][0]
            for setting in SETTINGS
            if setting in scores[uri]
        }
        for uri in (TEACHERS["cogsguard"].uri, *VARIANTS[:2])
    )
    rows = [
        [
            how.title,
            f"{BOUNDS[setting]:.3f}",
            f"{full[setting]:.3f}" if setting in full else "-",
            f"{team[setting]:.3f}",
            f"{own[setting]:.3f}",
            f"{team[setting] / full[setting]:.2f}" if setting in full else "-",
            f"{team[setting] / BOUNDS[setting]:.2f}",
        ]
        for setting, how in SETTINGS.items()
    ]
    header = ["on", "bound", "`memory=full`", "`memory=team`", "`memory=own`"]
    return table([*header, "team / full", "team / bound"], rows)


def _hearts_used() -> str:
    """What ends the long game."""
    scores, setting = read_scores(), "machina_1_long"
    agents = SETTINGS[setting].num_agents
    own, team = (
        agents * scores[uri][setting]["hearts"][0]
        for uri in (TEACHERS["cogsguard"].uri, VARIANTS[0])
    )
    return (
        f"At 10,000 ticks hearts are what ends it. The scarcest element of a machina_1 map pays for {HEARTS_BOUND} hearts (mean), its gear included; "
        f"`memory=team` makes {team:.0f} of them, {100 * team / HEARTS_BOUND:.0f} %, and `memory=own` {own:.0f}. Whenever the clips own nothing they get a junction at the "
        "next presence check, every 100 ticks, which costs two hearts at least, and more the longer it stays theirs. More hearts cannot be had, only spent better: by "
        "freeing the last junction at the right time (`patience`, above), and by finding it sooner."
    )


def _fresh_scores() -> str:
    """Both blocks of held-out maps side by side, for the teachers that were played on both."""
    scores = read_scores()
    rows = [
        [f"`{uri}`", how.title]
        + [
            _interval(cell[metric], digits)
            for cell in (of_uri[setting], of_uri[setting + FRESH])
            for metric, digits in _METRICS[:2]
        ]
        for uri, of_uri in sorted(scores.items())
        for setting, how in SETTINGS.items()
        if setting + FRESH in of_uri
    ]
    return table(
        ["URI", "on", "reward", "hearts", "reward, fresh maps", "hearts, fresh maps"], rows
    )


_METRICS = (
    ("reward", 3),
    ("hearts", 2),
    ("held", 0),
    ("clips_held", 0),
    ("elements", 0),
    ("aligned", 1),
    ("scrambled", 1),
)


def _interval(values: list[float], digits: int) -> str:
    mean, low, high = (f"{value:.{digits}f}" for value in values)
    return f"{mean} [{low}, {high}]"
