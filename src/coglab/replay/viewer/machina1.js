// What is special to machina_1: what a station would do now, how stations look, and what an agent sees.

const FEATURE_M1 = { group: 0, frozen: 1, completion: 2, lastAction: 3, lastReward: 4, vibe: 6, compass: 7, tag: 8, rest: 9, uses: 11,
  inventory: 12, input: 32, output: 42 };
const TAG_AGENT_M1 = 0; // tags: the agent, then kinds 1 ... by their ids
const MOST_TOGETHER = 4;
const GEAR_M1 = ['decoder', 'modulator', 'resonator', 'scrambler'];
for (const [names, colour] of [[['carbon_a', 'carbon_b'], '#8d9aa8'], [['oxygen_a', 'oxygen_b'], COLOUR.oxygen], [['germanium_a', 'germanium_b'],
  COLOUR.germanium], [['silicon_a', 'silicon_b', 'charger'], COLOUR.silicon], [['heart_a', 'heart_b'], COLOUR.heart]]) {
  for (const name of names) VIBE_COLOUR[name] = colour;
}

/** Refuse a replay of this game without what is drawn from it. */
function checkMachina1(doc) {
  const isCount = (value) => Number.isInteger(value) && value >= 0;
  const isSound = [doc.max_uses, doc.cooldowns].every((list) => Array.isArray(list) && list.length === doc.type_names.length && list.every(isCount))
    && doc.team && Array.isArray(doc.recipes) && doc.recipes.every((recipe) => isCount(recipe.type_id) && isCount(recipe.item) && isCount(recipe.amount)
      && recipe.vibes.every(isCount) && recipe.price.every((part) => part.length === 2 && part.every(isCount)));
  if (!isSound) throw new Error('it is damaged');
}

const usesLeft = (thing, step) => (thing.usesLeft ? thing.usesLeft[step] : -1);
const ticksToRest = (thing, step) => (thing.readyAt ? Math.max(0, thing.readyAt[step] - step) : 0);

/** The recipe that a station follows at a state; undefined if there is none, as for an assembler among the wrong vibes. */
function presentRecipe(replay, thing, step) {
  const recipes = replay.doc.recipes.filter((recipe) => recipe.type_id === thing.typeId);
  if (thing.type !== 'assembler' && thing.type !== 'germanium_extractor') return recipes[0];
  const around = replay.agents.filter((agent) => Math.abs(agent.row[step] - thing.row) <= 1 && Math.abs(agent.col[step] - thing.col) <= 1);
  if (thing.type === 'germanium_extractor') return recipes[Math.min(Math.max(around.length, 1), MOST_TOGETHER) - 1];
  const wanted = (vibes) => [...vibes].sort((a, b) => a - b).join();
  const shown = wanted(around.map((agent) => agent.vibe[step]).filter((vibe) => vibe));
  return recipes.find((recipe) => wanted(recipe.vibes) === shown);
}

const amountsInWords = (replay, amounts) => amounts.map(([item, amount]) => `${amount} ${replay.items[item]}`).join(', ');

/** One thing in words, at a state. */
function stationInWords(replay, thing, step) {
  if (thing.type === 'chest') {
    const held = thing.stock.map(({ item, amounts }) => [item, amounts[step]]).filter(([, amount]) => amount);
    return held.length ? amountsInWords(replay, held) : 'empty';
  }
  const parts = [], left = usesLeft(thing, step), rest = ticksToRest(thing, step), recipe = presentRecipe(replay, thing, step);
  if (left === 0) return 'used up';
  if (left > 0) parts.push(`${left} of ${replay.doc.max_uses[thing.typeId]} uses left`);
  if (rest) parts.push(`rests ${rest} ticks`);
  if (recipe) {
    const price = recipe.price.length ? ` for ${amountsInWords(replay, recipe.price)}` : '';
    parts.push(`gives ${recipe.amount} ${replay.items[recipe.item]}${price}`);
  } else parts.push('makes nothing with the vibes around it');
  return parts.join(', ');
}

/** Things worth a line: assemblers and chests, and what stands in the window of the followed agent. */
function stationLines(replay, step, followed) {
  const agent = replay.agents[followed], isSeen = (thing) => agent && Math.max(Math.abs(agent.row[step] - thing.row), Math.abs(agent.col[step] - thing.col)) <= RADIUS;
  return replay.things.filter((thing) => thing.type === 'assembler' || thing.type === 'chest' || isSeen(thing)).slice(0, 24)
    .map((thing) => [`${thing.type.replace('_', ' ')} ${thing.row}, ${thing.col}`, stationInWords(replay, thing, step)]);
}

const STATION_COLOUR = { charger: COLOUR.energy, carbon_extractor: '#8d9aa8', oxygen_extractor: COLOUR.oxygen, germanium_extractor: COLOUR.germanium,
  silicon_extractor: COLOUR.silicon };

/** Draw a station or a chest; x, y is the middle of its cell, s its size in pixels. */
function drawStation(ctx, replay, thing, step, x, y, s) {
  const half = s * 0.43, colour = STATION_COLOUR[thing.type], line = Math.max(1, s / 14);
  if (!colour) {
    ctx.fillStyle = '#1d3d54'; ctx.strokeStyle = COLOUR.cogs; ctx.lineWidth = line;
    ctx.fillRect(x - half, y - half, 2 * half, 2 * half); ctx.strokeRect(x - half, y - half, 2 * half, 2 * half);
    ctx.fillStyle = COLOUR.heart;
    if (thing.type === 'chest') drawHeart(ctx, x, y, half * 0.55);
    else {
      // The assembler: full colour while the agents around it show vibes that make something.
      ctx.fillStyle = presentRecipe(replay, thing, step) ? COLOUR.heart : COLOUR.cogs;
      ctx.beginPath(); ctx.arc(x, y, half * 0.7, 0, 7); ctx.fill();
      if (s >= 12) letter(ctx, 'A', x, y, s * 0.5, COLOUR.ink);
    }
    return;
  }
  const most = replay.doc.max_uses[thing.typeId], left = usesLeft(thing, step), share = most ? left / most : 1, rest = ticksToRest(thing, step);
  ctx.fillStyle = '#0b0f14';
  ctx.fillRect(x - half, y - half, 2 * half, 2 * half);
  ctx.globalAlpha = share ? (rest ? 0.35 : 0.9) : 0.25;
  ctx.fillStyle = colour;
  ctx.fillRect(x - half, y + half - 2 * half * share, 2 * half, 2 * half * share);
  ctx.strokeStyle = colour; ctx.lineWidth = line;
  ctx.strokeRect(x - half, y - half, 2 * half, 2 * half);
  ctx.globalAlpha = 1;
  if (!share) { // used up: a cross
    ctx.strokeStyle = '#6b7785'; ctx.beginPath();
    ctx.moveTo(x - half, y - half); ctx.lineTo(x + half, y + half); ctx.moveTo(x - half, y + half); ctx.lineTo(x + half, y - half); ctx.stroke();
    return;
  }
  if (s >= 12) letter(ctx, thing.type === 'charger' ? 'E' : thing.type[0].toUpperCase(), x, y, s * 0.6, share > 0.5 && !rest ? COLOUR.ink : colour);
  if (rest) { // a ring that closes until the station is at rest no longer
    const total = Math.max(1, replay.doc.cooldowns[thing.typeId]);
    ctx.strokeStyle = '#ffffff'; ctx.lineWidth = line;
    ctx.beginPath(); ctx.arc(x, y, half * 0.8, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * (1 - Math.min(1, rest / total))); ctx.stroke();
  }
  if (most && s >= 26) letter(ctx, String(left), x + half * 0.75, y + half * 0.75, s * 0.32, share > 0.5 && !rest ? COLOUR.ink : '#ffffff');
}

/** Tokens of an agent at a state, in the order of the simulator: a list of [location, feature, value]. */
function tokensOfMachina1(replay, agent, step) {
  const out = [], doc = replay.doc, row = agent.row[step], col = agent.col[step];
  const put = (location, feature, value) => out.push([location, feature, value]);
  const amount = (location, feature, value) => {
    put(location, feature, value & 255);
    if (value >= 256) put(location, feature + 1, value >> 8);
  };
  put(CENTRE, FEATURE_M1.completion, step >= doc.max_steps ? 255 : Math.floor(256 * step / doc.max_steps));
  put(CENTRE, FEATURE_M1.lastAction, step > 0 && agent.success[step - 1] ? agent.action[step - 1] : 0);
  put(CENTRE, FEATURE_M1.lastReward, 0);
  const south = Math.sign((replay.height >> 1) - row), east = Math.sign((replay.width >> 1) - col);
  if (south || east) put(CENTRE + 16 * south + east, FEATURE_M1.compass, 1);
  const others = new Map();
  for (const other of replay.agents) others.set(other.row[step] * replay.width + other.col[step], other);
  for (const [down, right] of VISITS) {
    const r = row + down, c = col + right;
    if (r < 0 || c < 0 || r >= replay.height || c >= replay.width) continue;
    const location = (down + RADIUS) * 16 + right + RADIUS;
    const other = others.get(r * replay.width + c), thing = replay.thingAt.get(r * replay.width + c);
    if (other) {
      put(location, FEATURE_M1.group, 0);
      put(location, FEATURE_M1.frozen, 0);
      if (other.vibe[step]) put(location, FEATURE_M1.vibe, other.vibe[step]);
      other.inventory.forEach((amounts, item) => { if (amounts[step]) put(location, FEATURE_M1.inventory + 2 * item, amounts[step]); });
      put(location, FEATURE_M1.tag, TAG_AGENT_M1);
    } else if (thing) {
      for (const { item, amounts } of thing.stock) if (amounts[step]) amount(location, FEATURE_M1.inventory + 2 * item, amounts[step]);
      if (thing.type !== 'chest') {
        const rest = ticksToRest(thing, step), recipe = presentRecipe(replay, thing, step);
        if (rest) put(location, FEATURE_M1.rest, Math.min(rest, 255));
        if (doc.max_uses[thing.typeId]) put(location, FEATURE_M1.uses, usesLeft(thing, step));
        if (recipe) {
          for (const [item, price] of recipe.price) put(location, FEATURE_M1.input + item, price);
          put(location, FEATURE_M1.output + recipe.item, recipe.amount);
        }
      }
      put(location, FEATURE_M1.tag, thing.typeId);
    } else if (replay.walls[r][c] === '#') {
      put(location, FEATURE_M1.tag, replay.types.indexOf('wall'));
    }
  }
  return out.slice(0, MOST_TOKENS);
}

/** One token in words; '' for one that only repeats what others say. */
function wordsOfMachina1(replay, feature, value) {
  const doc = replay.doc, nice = (name) => String(name).replace(/_/g, ' ');
  if (feature === FEATURE_M1.completion) return `${Math.round(100 * value / 256)} % of the episode`;
  if (feature === FEATURE_M1.lastAction) return `last action ${nice(doc.action_names[value])}`;
  if (feature === FEATURE_M1.vibe) return `vibe ${nice(doc.vibe_names[value])}`;
  if (feature === FEATURE_M1.compass) return 'the middle of the map lies this way';
  if (feature === FEATURE_M1.tag) return value === TAG_AGENT_M1 ? 'agent' : nice(replay.types[value]);
  if (feature === FEATURE_M1.rest) return `rests ${value} ticks${value === 255 ? ' or more' : ''}`;
  if (feature === FEATURE_M1.uses) return `${value} uses left`;
  if (feature >= FEATURE_M1.output) return `gives ${value} ${replay.items[feature - FEATURE_M1.output]}`;
  if (feature >= FEATURE_M1.input) return `takes ${value} ${replay.items[feature - FEATURE_M1.input]}`;
  if (feature >= FEATURE_M1.inventory) return `${replay.items[(feature - FEATURE_M1.inventory) >> 1]} ${value}`;
  return '';
}
