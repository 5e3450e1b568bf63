"""Amounts of the slow twin: what an agent or a team holds, its limits, and the one operation that changes it.

Source: docs/02-rules.md, "Amounts and limits".
"""

ELEMENTS = ["oxygen", "carbon", "germanium", "silicon"]
GEAR = ["aligner", "scrambler", "miner", "scout"]
RESOURCES = ["energy", "heart", "hp", "influence", *ELEMENTS, *GEAR]
MOST = 65535


class Group:
    """Resources that share a limit: min(most, max(least, sum of bonuses))."""

    def __init__(self, members, least, most, bonuses):
        self.members, self.least, self.most, self.bonuses = members, least, most, bonuses

    def limit(self, amounts):
        """Return the limit for what is held now."""
        bonus = sum(each * amounts.get(item, 0) for item, each in self.bonuses.items())
        return min(self.most, max(self.least, bonus))

    def total(self, amounts):
        """Return what is held now."""
        return sum(amounts.get(item, 0) for item in self.members)


def agent_groups(least_energy=20):
    """Return the groups of an agent."""
    return [
        Group(["hp"], 100, MOST, {"scout": 400, "scrambler": 200}),
        Group(GEAR, 0, 1, {"hp": 100}),
        Group(["heart"], 0, 10, {"hp": 100}),
        Group(["energy"], least_energy, MOST, {"scout": 100}),
        Group(ELEMENTS, 4, MOST, {"miner": 40}),
        Group(["influence"], 0, MOST, {"aligner": 20}),
    ]


def team_groups():
    """Return the groups of the cogs' stock."""
    return [Group(ELEMENTS, 10_000, MOST, {}), Group(["heart"], MOST, MOST, {})]


class Inventory:
    """Amounts above 0 by resource. `recent` lists them, most recently acquired first."""

    def __init__(self, groups, stats, rise, fall):
        """Take the groups, the statistics to write, and the names of increases and decreases there."""
        self.groups = groups
        self.amounts = {}
        self.recent = []
        self.stats, self.rise, self.fall = stats, rise, fall

    def __getitem__(self, item):
        """Return the amount of `item`."""
        return self.amounts.get(item, 0)

    def start(self, item, amount):
        """Set an initial amount: it ignores the limits, and counts as an increase."""
        self._set(item, amount)

    def _set(self, item, new):
        old = self[item]
        if new == old:
            return
        if new == 0:
            del self.amounts[item]
            self.recent.remove(item)
        else:
            self.amounts[item] = new
            if old == 0:
                self.recent.insert(0, item)
        name, difference = (self.rise, new - old) if new > old else (self.fall, old - new)
        self.stats[f"{item}.{name}"] = self.stats.get(f"{item}.{name}", 0) + difference
        self.stats[f"{item}.amount"] = new

    def _group_of(self, item):
        for group in self.groups:
            if item in group.members:
                return group
        return None

    def change(self, item, d):
        """Add d (may be negative or 0), cut to 0..cap; losing gear or hp makes other groups shrink."""
        group = self._group_of(item)
        cap = MOST
        if group is not None:
            others = group.total(self.amounts) - self[item]
            cap = max(0, min(MOST, group.limit(self.amounts) - others))
        old = self[item]
        self._set(item, min(max(old + d, 0), cap))
        if self[item] < old and any(item in group.bonuses for group in self.groups):
            for shrinking in self.groups:
                self._cut(shrinking)

    def _cut(self, group):
        for member in reversed(group.members):
            surplus = group.total(self.amounts) - group.limit(self.amounts)
            if surplus > 0 and self[member] > 0:
                self.change(member, -min(surplus, self[member]))

    def free(self, item):
        """Return how much more of `item` fits."""
        group = self._group_of(item)
        if group is None:
            return MOST - self[item]
        return max(0, group.limit(self.amounts) - group.total(self.amounts))


def transfer(source, target, item, most):
    """Move what the source has, what is asked for and what fits, whichever is least; 0 is a change, too."""
    count = min(source[item], most, target.free(item))
    source.change(item, -count)
    target.change(item, count)
