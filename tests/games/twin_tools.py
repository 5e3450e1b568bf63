"""What the comparisons of a simulator with its slow twin have in common."""

from collections import deque


class Mismatch(AssertionError):
    """The simulator and its twin disagree."""


def check(what, twin_value, sim_value):
    """Raise if two values differ."""
    if twin_value != sim_value:
        raise Mismatch(f"{what}: twin {twin_value}, simulator {sim_value}")


def check_named(at, own, other):
    """Compare two dictionaries of numbers; a name that is missing counts as 0."""
    for name in own.keys() | other.keys():
        check(f"{at}, {name}", float(own.get(name, 0)), float(other.get(name, 0)))


def first_step(twin, start, goal):
    """First move of a shortest way from `start` to beside `goal`, around everything but agents; None without one."""
    came_from, queue = {goal: None}, deque([goal])
    while queue:
        cell = queue.popleft()
        for step in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            other = (cell[0] + step[0], cell[1] + step[1])
            if other in came_from or not (
                0 <= other[0] < twin.height and 0 <= other[1] < twin.width
            ):
                continue
            came_from[other] = cell
            if other == start:
                return (-step[0], -step[1])
            thing = twin.cells.get(other)
            if thing is None or thing.kind == "agent":
                queue.append(other)
    return None
