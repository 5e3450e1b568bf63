// What an agent sees, worked out from the replay: the same tokens, in the same order, as the simulator writes.

const RADIUS = 5, MOST_TOKENS = 200, CENTRE = RADIUS * 16 + RADIUS;
const FEATURE = { group: 0, frozen: 1, completion: 2, lastAction: 3, lastReward: 4, vibe: 6, tag: 8, collective: 11,
  east: 12, west: 13, north: 14, south: 15, inventory: 16, stock: 64 };

const VISITS = (() => {
  const order = [];
  for (let distance = 0; distance <= 2 * RADIUS; distance++) {
    for (let row = -distance; row <= distance; row++) {
      const side = distance - Math.abs(row);
      for (const col of side ? [-side, side] : [0]) {
        if (Math.abs(row) <= RADIUS && Math.abs(col) <= RADIUS) order.push([row, col]);
      }
    }
  }
  return order;
})();

/** Tokens of an agent at a state: a list of [location, feature, value]. */
function tokensOf(replay, agent, step) {
  if (replay.isMachina1) return tokensOfMachina1(replay, agent, step);
  const out = [], doc = replay.doc;
  const put = (location, feature, value) => out.push([location, feature, value]);
  const amount = (location, feature, value) => {
    put(location, feature, value & 255);
    if (value >= 256) put(location, feature + 1, value >> 8);
  };
  put(CENTRE, FEATURE.completion, step >= doc.max_steps ? 255 : Math.floor(256 * step / doc.max_steps));
  const valid = step > 0 && agent.success[step - 1];
  put(CENTRE, FEATURE.lastAction, valid ? agent.action[step - 1] : 0);
  put(CENTRE, FEATURE.lastReward, 0);
  const row = agent.row[step], col = agent.col[step];
  if (doc.shows_stock) {
    const east = col - agent.col[0], south = row - agent.row[0];
    if (east) put(CENTRE, east > 0 ? FEATURE.east : FEATURE.west, Math.min(255, Math.abs(east)));
    if (south) put(CENTRE, south > 0 ? FEATURE.south : FEATURE.north, Math.min(255, Math.abs(south)));
    const first = replay.item.oxygen;
    for (const { item, amounts } of replay.stock) {
      if (item >= first) amount(CENTRE, FEATURE.stock + 2 * (item - first), amounts[step]);
    }
  }
  const others = new Map();
  for (const other of replay.agents) others.set(other.row[step] * replay.width + other.col[step], other);
  for (const [down, right] of VISITS) {
    const r = row + down, c = col + right;
    if (r < 0 || c < 0 || r >= replay.height || c >= replay.width) continue;
    const location = (down + RADIUS) * 16 + right + RADIUS;
    const other = others.get(r * replay.width + c), thing = replay.thingAt.get(r * replay.width + c);
    if (other) {
      put(location, FEATURE.collective, 1);
      put(location, FEATURE.tag, 0);
      put(location, FEATURE.tag, 1);
      if (other.vibe[step]) put(location, FEATURE.vibe, other.vibe[step]);
      for (const item of replay.held(other, step)) {
        amount(location, FEATURE.inventory + 2 * item, other.inventory[item][step]);
      }
      put(location, FEATURE.group, 0);
      put(location, FEATURE.frozen, 0);
    } else if (thing && !replay.isGone(thing, step)) {
      const owner = thing.owner[step];
      if (thing.item < 0 && owner >= 0) put(location, FEATURE.collective, owner);
      if (thing.item < 0 && thing.type !== 'junction') put(location, FEATURE.tag, 0);
      put(location, FEATURE.tag, thing.typeId);
      if (thing.item >= 0 && thing.amount[step]) {
        put(location, FEATURE.inventory + 2 * thing.item, thing.amount[step]);
      }
    } else if (replay.walls[r][c] === '#') {
      put(location, FEATURE.tag, replay.types.indexOf('wall'));
    }
  }
  return out.slice(0, MOST_TOKENS);
}

/** One token in words; '' for one that only repeats what others say. */
function wordsOf(replay, feature, value) {
  const doc = replay.doc, nice = (name) => String(name).replace(/_/g, ' ').replace('agent.agent', 'agent');
  if (feature === FEATURE.completion) return `${Math.round(100 * value / 256)} % of the episode`;
  if (feature === FEATURE.lastAction) return `last action ${nice(doc.action_names[value])}`;
  if (feature === FEATURE.vibe) return `vibe ${nice(doc.vibe_names[value])}`;
  if (feature === FEATURE.tag) return value === 0 ? '' : nice(replay.types[value]);
  if (feature === FEATURE.collective) return `of the ${nice(doc.collective_names[value])}`;
  const away = { 12: 'east', 13: 'west', 14: 'north', 15: 'south' }[feature];
  if (away) return `${value} ${away} of its start`;
  if (feature >= FEATURE.stock && feature < FEATURE.stock + 8) {
    const name = replay.items[replay.item.oxygen + ((feature - FEATURE.stock) >> 1)];
    return `team ${name} ${value}`;
  }
  if (feature >= FEATURE.inventory && feature < FEATURE.inventory + 2 * replay.items.length) {
    const name = replay.items[(feature - FEATURE.inventory) >> 1];
    return `${name} ${value}`;
  }
  return '';
}

/** The tokens in words, by cell: [[where, what], ...], walls counted at the end. */
function sentencesOf(replay, agent, step) {
  if (replay.doc.game !== 'cogsguard' && !replay.isMachina1) return { lines: [['', 'this page does not know how agents of this game see']], count: 0 };
  const cells = new Map();
  let walls = 0;
  const tokens = tokensOf(replay, agent, step);
  tokens.forEach(([location, feature, low], index) => {
    // An amount above 255 has a second token, its high byte: in words the two are one number.
    const next = tokens[index + 1], isAmount = replay.isMachina1
      ? feature >= FEATURE_M1.inventory && feature < FEATURE_M1.input : feature >= FEATURE.inventory;
    if (isAmount && feature & 1) return;
    const value = isAmount && next && next[0] === location && next[1] === feature + 1 ? low + 256 * next[2] : low;
    const isGlobal = location === CENTRE && (replay.isMachina1 ? feature >= FEATURE_M1.completion && feature <= FEATURE_M1.lastReward
      : feature >= FEATURE.east && feature <= FEATURE.south || feature >= FEATURE.stock
      || feature >= FEATURE.completion && feature <= FEATURE.lastReward);
    if (feature === FEATURE.tag && replay.types[value] === 'wall') { walls++; return; }
    const key = isGlobal ? 'global' : location;
    if (!cells.has(key)) cells.set(key, []);
    const words = replay.isMachina1 ? wordsOfMachina1(replay, feature, value) : wordsOf(replay, feature, value);
    if (words) cells.get(key).push(words);
  });
  const lines = [];
  for (const [key, words] of cells) {
    lines.push([key === 'global' ? 'team and time' : whereOf(key), words.join(', ')]);
  }
  if (walls) lines.push(['walls', `${walls} cells`]);
  return { lines, count: tokens.length };
}

function whereOf(location) {
  const down = (location >> 4) - RADIUS, right = (location & 15) - RADIUS;
  if (!down && !right) return 'itself';
  const parts = [];
  if (down) parts.push(`${Math.abs(down)} ${down < 0 ? 'north' : 'south'}`);
  if (right) parts.push(`${Math.abs(right)} ${right < 0 ? 'west' : 'east'}`);
  return parts.join(', ');
}
