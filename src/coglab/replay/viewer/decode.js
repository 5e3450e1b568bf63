// Reads a replay: base64 -> zlib -> JSON -> typed arrays with one entry per state (steps + 1) or per tick (steps).

const VERSION = 1;

async function unpackText(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  return unpackBytes(bytes);
}

async function unpackBytes(bytes) {
  if (typeof DecompressionStream === 'undefined') throw new Error('this browser is too old to unpack replays');
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  let text;
  try { text = await new Response(stream).text(); } catch { throw new Error('this file is no replay, or it is damaged'); }
  return new Replay(JSON.parse(text));
}

const MOST = { steps: 1e6, num_agents: 256, side: 1024 };

/** Refuse sizes that no game has, and lists that do not fit them: what is drawn later relies on them. */
function checkShape(doc) {
  const fits = (value, most) => Number.isInteger(value) && value >= 0 && value <= most;
  const [width, height] = doc.map_size;
  const texts = ['action_names', 'type_names', 'item_names', 'vibe_names'];
  const isSound = fits(doc.steps, MOST.steps) && fits(doc.num_agents, MOST.num_agents) && fits(width, MOST.side) && fits(height, MOST.side)
    && width > 0 && height > 0 && doc.walls.length === height && doc.walls.every((line) => String(line).length === width)
    && texts.every((key) => doc[key].every((name) => typeof name === 'string'))
    && (doc.events || []).every((event) => event.length === 5 && fits(event[0], doc.steps))
    && new Set(doc.objects.map((thing) => thing.agent_id).filter((id) => fits(id, doc.num_agents - 1))).size === doc.num_agents;
  if (!isSound) throw new Error('it is damaged');
}

/** Values of a track: a number, a list of [step, value], or {delta: [...]}. */
function track(value, length, Type = Int32Array) {
  const out = new Type(length);
  if (value === undefined || value === null) return out;
  if (typeof value === 'number') return out.fill(value);
  if (Array.isArray(value)) {
    value.forEach(([step, amount], i) => out.fill(amount, step, i + 1 < value.length ? value[i + 1][0] : length));
    return out;
  }
  if (!value.delta || value.delta.length !== length) throw new Error('a track of this replay is damaged');
  let sum = 0;
  for (let i = 0; i < length; i++) out[i] = sum += value.delta[i];
  return out;
}

class Replay {
  constructor(doc) {
    if (!doc || doc.format !== 'coglab.replay') throw new Error('this file is no coglab replay');
    if (doc.version !== VERSION) throw new Error(`this replay has version ${doc.version}, this page reads ${VERSION}`);
    this.doc = doc;
    this.steps = doc.steps;
    this.states = doc.steps + 1;
    [this.width, this.height] = doc.map_size;
    checkShape(doc);
    this.isMachina1 = doc.game === 'machina1';
    if (this.isMachina1) checkMachina1(doc);
    this.items = doc.item_names;
    this.types = doc.type_names;
    this.item = Object.fromEntries(this.items.map((name, index) => [name, index]));
    this.walls = doc.walls;
    this.things = [];
    this.agents = [];
    for (const thing of doc.objects) {
      if (thing.agent_id === undefined) this.things.push(this.readThing(thing));
      else this.agents[thing.agent_id] = this.readAgent(thing);
    }
    this.thingAt = new Map(this.things.map((thing) => [thing.row * this.width + thing.col, thing]));
    this.junctions = this.things.filter((thing) => thing.type === 'junction');
    this.hubs = this.things.filter((thing) => thing.type === 'hub');
    this.events = doc.events || [];
    this.eventNames = doc.event_names || [];
    this.readTeam();
  }

  readThing(thing) {
    const stock = Object.entries(thing.inventory || {}).map(([item, amounts]) => ({ item: Number(item), amounts: track(amounts, this.states, Uint16Array) }));
    // An extractor of CogsGuard is one pile; stations of machina_1 have uses, its chests many piles.
    const { item, amounts } = (!this.isMachina1 && stock[0]) || { item: -1, amounts: track(0, this.states, Uint16Array) };
    return {
      id: thing.id,
      type: this.types[thing.type_id],
      typeId: thing.type_id,
      col: thing.location[0],
      row: thing.location[1],
      owner: track(thing.collective_id === undefined ? -1 : thing.collective_id, this.states, Int8Array),
      item,
      amount: amounts,
      stock,
      usesLeft: thing.uses_left === undefined ? null : track(thing.uses_left, this.states, Uint16Array),
      readyAt: thing.ready_at === undefined ? null : track(thing.ready_at, this.states),
    };
  }

  readAgent(thing) {
    const n = this.states, t = this.steps;
    return {
      id: thing.agent_id,
      col: track(thing.location[0], n, Int16Array),
      row: track(thing.location[1], n, Int16Array),
      vibe: track(thing.vibe_id, n, Uint8Array),
      inventory: this.items.map((_, item) => track((thing.inventory || {})[item], n, Uint16Array)),
      order: thing.inventory_order || [[0, []]],
      reward: track(thing.total_reward, n),
      action: track(thing.action_id, t),
      success: track(thing.action_success, t, Uint8Array),
      policy: track(thing.policy_id, t, Uint8Array),
      teacher: track(thing.teacher_action_id === undefined ? -1 : thing.teacher_action_id, t, Int16Array),
      value: thing.value === undefined ? null : track(thing.value, t),
      probabilities: thing.probabilities ? thing.probabilities.map((part) => track(part, t, Uint8Array)) : null,
    };
  }

  readTeam() {
    const n = this.states, [clips = {}, cogs = {}] = this.doc.collectives;
    if (this.isMachina1) this.readMachina1Team();
    else this.stock = Object.entries(cogs.inventory || {}).map(([item, amounts]) => ({
      item: Number(item), name: this.items[item], amounts: track(amounts, n),
    }));
    this.owned = { clips: track(clips.junctions, n), cogs: track(cogs.junctions, n) };
    this.reward = new Float64Array(n);
    for (const agent of this.agents) for (let i = 0; i < n; i++) this.reward[i] += agent.reward[i];
    const scale = this.doc.scales.total_reward / Math.max(1, this.agents.length);
    for (let i = 0; i < n; i++) this.reward[i] *= scale;
    // States at which a junction changes hands: areas are drawn anew only there.
    this.ownerChange = new Uint32Array(n);
    for (let i = 1; i < n; i++) {
      const changed = this.junctions.some((junction) => junction.owner[i] !== junction.owner[i - 1]);
      this.ownerChange[i] = changed ? i : this.ownerChange[i - 1];
    }
  }

  /** Hearts, and what all chests hold together. */
  readMachina1Team() {
    this.hearts = { made: track(this.doc.team.hearts_made, this.states), delivered: track(this.doc.team.hearts_delivered, this.states) };
    const sums = new Map();
    for (const thing of this.things) for (const { item, amounts } of thing.stock) {
      if (!sums.has(item)) sums.set(item, new Int32Array(this.states));
      const sum = sums.get(item);
      for (let i = 0; i < this.states; i++) sum[i] += amounts[i];
    }
    this.stock = [...sums].sort((a, b) => a[0] - b[0]).map(([item, amounts]) => ({ item, name: this.items[item], amounts }));
  }

  /** The line above the map. */
  score(step) {
    const reward = `reward ${this.reward[step].toFixed(3)}`;
    if (!this.isMachina1) return `cogs ${this.owned.cogs[step]}  clips ${this.owned.clips[step]}  of ${this.junctions.length} junctions,  ${reward}`;
    const open = this.things.filter((thing) => thing.usesLeft && thing.usesLeft[step]).length, all = this.things.filter((thing) => thing.usesLeft).length;
    return `hearts ${this.hearts.made[step]} made, ${this.hearts.delivered[step]} delivered,  ${open} of ${all} extractors left,  ${reward}`;
  }

  isGone(thing, step) { return thing.item >= 0 && thing.amount[step] === 0 && !this.doc.extractors_stay; }

  held(agent, step) {
    const order = agent.order;
    let low = 0, high = order.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (order[middle][0] <= step) low = middle; else high = middle - 1;
    }
    return order[low][1];
  }

  gear(agent, step) {
    if (this.isMachina1) return '';
    for (const name of ['aligner', 'scrambler', 'miner', 'scout']) {
      if (this.amount(agent, name, step)) return name;
    }
    return '';
  }

  /** What an agent holds of an item; 0 in games that have no such item. */
  amount(agent, name, step) {
    const amounts = agent.inventory[this.item[name]];
    return amounts ? amounts[step] : 0;
  }

  cargo(agent, step) {
    return ['oxygen', 'carbon', 'germanium', 'silicon'].map((name) => [name, this.amount(agent, name, step)]);
  }

  eventText(event) {
    const [, kind, agent, thing, item] = event;
    const who = agent >= 0 ? `agent ${agent}` : 'the clips';
    const nameOf = (id, otherwise) => String((this.things[id] || { type: otherwise }).type).replace('_', ' ');
    const name = this.eventNames[kind];
    const texts = {
      aligned: `${who} aligned a junction`, scrambled: `${who} scrambled a junction`,
      clips_took: 'the clips took a junction', clips_scrambled: 'the clips freed a junction of the cogs',
      gear_gained: `${who} got ${this.items[item]} gear`, gear_lost: `${who} lost ${this.items[item]} gear`,
      heart_made: `${who} made a heart`, heart_delivered: `${who} put a heart into the chest`, collapsed: `${who} ran out of hp`,
      depleted: `${nameOf(thing, 'extractor')} empty`,
    };
    return texts[name] || String(name);
  }
}
