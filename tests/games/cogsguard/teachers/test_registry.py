"""The URIs of the teachers: what they mean, and what they answer to slips."""

from __future__ import annotations

import pytest

from coglab.config.errors import UserError
from coglab.games.cogsguard.teachers.registry import (
    TEACHERS,
    parse_teacher_uri,
)


def roles(uri, num_agents, episode=0):
    spec = parse_teacher_uri(f"metta://policy/{uri}")
    return [spec.role_of(agent, episode, num_agents) for agent in range(num_agents)]


@pytest.mark.parametrize(
    ("uri", "num_agents", "expected"),
    [
        ("cogsguard", 8, ["scrambler"] + 4 * ["miner"] + 3 * ["gear"]),
        ("cogsguard", 4, ["scrambler"] + 3 * ["miner"]),
        ("cogsguard?gear=10", 8, 8 * ["gear"]),
        ("cogsguard?gear=2", 4, 4 * ["gear"]),
        (
            "cogsguard?miner=4&scrambler=2&gear=1",
            8,
            2 * ["scrambler"] + 4 * ["miner"] + 2 * ["gear"],
        ),
        ("cogsguard?miner=1&miner=2", 3, ["miner", "miner", "gear"]),
        ("cogsguard?role_order=scout,aligner", 3, ["scout", "aligner", "gear"]),
        (
            "cogsguard?role_cycle=miner,aligner&miner=8",
            5,
            ["miner", "aligner", "miner", "aligner", "miner"],
        ),
        ("cogsguard?role_cycle=miner&role_order=scout", 2, ["scout", "gear"]),
        ("teacher", 5, ["miner", "scout", "aligner", "scrambler", "miner"]),
        ("teacher?role_vibes=aligner,miner", 3, ["aligner", "miner", "aligner"]),
        ("scout", 3, 3 * ["scout"]),
        (
            "cogsguard?gear=10&roles=static",
            10,
            [
                *("miner", "miner", "miner", "aligner", "miner"),
                *("aligner", "aligner", "scrambler", "miner", "aligner"),
            ],
        ),
        ("cogsguard?gear=10&roles=static", 1, ["aligner"]),
    ],
)
def test_a_uri_gives_each_agent_its_documented_role(uri, num_agents, expected):
    assert roles(uri, num_agents) == expected


def test_the_roles_of_teacher_move_on_by_one_agent_every_episode():
    assert roles("teacher", 4, episode=1) == ["scout", "aligner", "scrambler", "miner"]


@pytest.mark.parametrize(
    ("uri", "memory", "allocation", "labels"),
    [
        ("cogsguard", "own", "stock", "acting"),
        ("cogsguard?memory=team", "team", "team", "acting"),
        ("cogsguard?memory=full&roles=stock", "full", "stock", "acting"),
        ("cogsguard?memory=team&labels=own", "team", "team", "own"),
        ("miner?memory=team", "team", "team", "acting"),
    ],
)
def test_what_a_teacher_knows_and_how_roles_are_given_out(uri, memory, allocation, labels):
    spec = parse_teacher_uri(f"metta://policy/{uri}")
    assert (spec.memory, spec.allocation, spec.labels) == (memory, allocation, labels)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("cogsgard", "Did you mean `cogsguard`"),
        ("cogsguard?gaer=10", "Did you mean `gear`"),
        ("cogsguard?gear=ten", "for example `gear=4`"),
        ("cogsguard?gear=", "needs a value, for example `gear=4`"),
        ("cogsguard?gear", "needs a value"),
        ("cogsguard?gear=-1", "no number of agents"),
        ("cogsguard?memory=teem", "Did you mean `team`"),
        ("cogsguard?roles=statik", "Did you mean `static`"),
        ("cogsguard?labels=owns", "Did you mean `own`"),
        ("cogsguard?labels=own", "use `memory=team&labels=own`"),
        ("cogsguard?role_order=minor", "Did you mean `miner`"),
        ("cogsguard?role_cycle=", "needs a value"),
        ("teacher?gear=10", "has no parameter `gear`"),
        ("teacher?role_vibes=default", "names the role `default`"),
        ("miner?roles=static", "has no parameter `roles`"),
        ("cogsguard:v2", "has no version `v2`"),
        ("cogsguard:", "has no version"),
        ("cogsguard?", None),
    ],
)
def test_a_slip_is_answered_with_what_would_have_worked(uri, message):
    if message is None:
        parse_teacher_uri(f"metta://policy/{uri}")
        return
    with pytest.raises(UserError, match=message):
        parse_teacher_uri(f"metta://policy/{uri}")


def test_a_teacher_of_another_game_is_answered_with_one_of_this():
    with pytest.raises(UserError, match=r"cogsguard\?gear=10"):
        parse_teacher_uri("metta://policy/dinky:v15")


@pytest.mark.parametrize("name", list(TEACHERS))
def test_every_teacher_says_what_it_is_good_for(name):
    info = TEACHERS[name]
    assert info.pros
    assert info.cons
    assert parse_teacher_uri(info.uri).name == name
    for parameter in info.parameters:
        value = parameter.example
        if parameter.name == "labels":
            value = "acting"
        parse_teacher_uri(f"metta://policy/{name}?{parameter.name}={value}")
