// The texts beside the map. Everything that comes from a file is written with textContent.

function element(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function barOf(share, colour) {
  const bar = element('span', undefined, 'bar'), fill = element('i');
  fill.style.width = `${Math.round(100 * Math.max(0, Math.min(1, share)))}%`;
  fill.style.background = colour;
  bar.append(fill);
  return bar;
}

const GEAR_SIGN = { aligner: '◆', scrambler: '✖', miner: '■', scout: '▲', '': '·' };

/** The table of all agents; rows are made once and rewritten in place. */
class Roster {
  constructor(box, onFollow) { this.box = box; this.onFollow = onFollow; this.rows = []; }

  build(replay) {
    this.replay = replay;
    const table = element('table'), head = element('tr');
    for (const name of ['', 'gear', 'vibe', replay.isMachina1 ? '' : 'hp', 'energy', 'cargo', 'hearts']) head.append(element('th', name));
    const body = element('tbody');
    this.rows = replay.agents.map((agent) => {
      const row = element('tr'), cells = [0, 1, 2, 3, 4, 5, 6].map(() => element('td'));
      row.append(...cells);
      cells[0].textContent = agent.id;
      const hp = barOf(0, COLOUR.hp), energy = barOf(0, COLOUR.energy);
      const numbers = [element('span'), element('span')];
      if (!replay.isMachina1) cells[3].append(hp, ' ', numbers[0]);
      cells[4].append(energy, ' ', numbers[1]);
      row.addEventListener('click', () => this.onFollow(agent.id));
      body.append(row);
      return { row, cells, hp: hp.firstChild, energy: energy.firstChild, numbers };
    });
    const top = element('thead');
    top.append(head);
    table.append(top, body);
    this.box.replaceChildren(table);
  }

  update(step, followed) {
    const replay = this.replay;
    replay.agents.forEach((agent, i) => {
      const parts = this.rows[i], gear = replay.gear(agent, step), vibe = replay.doc.vibe_names[agent.vibe[step]];
      const hp = replay.amount(agent, 'hp', step), energy = replay.amount(agent, 'energy', step);
      const most = { hp: gear === 'scout' ? 400 : gear === 'scrambler' ? 200 : 100, energy: gear === 'scout' || replay.isMachina1 ? 100 : 20 };
      const cargo = replay.cargo(agent, step).filter(([, n]) => n).map(([name, n]) => `${name[0].toUpperCase()}${n}`).join(' ');
      const hearts = replay.amount(agent, 'heart', step);
      parts.row.className = agent.id === followed ? 'followed' : '';
      const tools = replay.isMachina1 ? GEAR_M1.filter((name) => replay.amount(agent, name, step)).join(' ') : `${GEAR_SIGN[gear]} ${gear}`;
      const texts = { 1: tools, 2: vibe, 5: cargo, 6: hearts ? `♥ ${hearts}` : '' };
      for (const [cell, text] of Object.entries(texts)) {
        if (parts.cells[cell].textContent !== text) parts.cells[cell].textContent = text;
      }
      parts.cells[2].style.color = VIBE_COLOUR[vibe] || '';
      parts.hp.style.width = `${Math.min(100, 100 * hp / most.hp)}%`;
      parts.energy.style.width = `${Math.min(100, 100 * energy / most.energy)}%`;
      parts.numbers[0].textContent = hp;
      parts.numbers[1].textContent = energy;
    });
  }
}

/** What one agent sees, thinks and does at a state. */
class Mind {
  constructor() { this.canvas = document.getElementById('window'); }

  update(scene, step, followed, showsAreas) {
    const box = document.getElementById('mind'), replay = scene.replay, agent = replay.agents[followed];
    box.hidden = !agent;
    if (!agent) return;
    document.getElementById('mind-title').textContent = `agent ${followed}`;
    const size = this.canvas.width, zoom = size / 11;
    drawWorld(this.canvas.getContext('2d'), scene, step, { x: agent.col[step] + 0.5, y: agent.row[step] + 0.5, zoom, width: size,
      height: size, followed: null, showsAreas });
    this.writeActions(replay, agent, step);
    this.writeFacts(replay, agent, step);
    const { lines, count } = sentencesOf(replay, agent, step);
    document.getElementById('tokens-title').textContent = `observation in words (${count} tokens)`;
    document.getElementById('tokens').replaceChildren(...lines.map(([where, what]) => {
      const item = element('li');
      item.append(element('span', where), element('span', what));
      return item;
    }));
  }

  writeActions(replay, agent, step) {
    const isOver = step >= replay.steps, taken = isOver ? -1 : agent.action[step], label = isOver ? -1 : agent.teacher[step];
    const names = replay.doc.action_names, isLong = names.length > 24;
    const rows = names.map((name, action) => {
      const share = agent.probabilities && !isOver ? agent.probabilities[action][step] * replay.doc.scales.probability : null;
      // Of 157 actions most are vibes that nobody considers.
      if (isLong && action > 4 && action !== taken && action !== label && !(share >= 0.01)) return null;
      const row = element('div');
      if (share !== null) {
        const bar = element('i', undefined, 'p');
        bar.style.width = `calc(${share} * (100% - 6.5em))`;
        row.append(bar);
      }
      const marks = (action === taken ? '●' : '') + (action === label ? '◇' : '');
      const words = name.replace('change_vibe_', 'vibe ').replace('move_', '').replace('_', ' ');
      const text = element('span', words, action === taken ? 'taken' : '');
      row.append(element('span', marks), text, element('span', share === null ? '' : `${Math.round(100 * share)} %`, 'number'));
      return row;
    });
    document.getElementById('actions').replaceChildren(...rows.filter(Boolean));
  }

  writeFacts(replay, agent, step) {
    const facts = [], names = replay.doc.action_names, isOver = step >= replay.steps;
    const nameOf = (action) => names[action] || `no action (${action})`;
    if (!isOver) {
      facts.push(['● next action', `${nameOf(agent.action[step])}${agent.success[step] ? '' : ' (fails)'}`]);
      if (replay.doc.teacher_uri) {
        const label = agent.teacher[step];
        facts.push(['◇ teacher', label < 0 ? 'abstains' : `${nameOf(label)}${label === agent.action[step] ? ' (agrees)' : ''}`]);
      }
      if (agent.value) facts.push(['value', (agent.value[step] * replay.doc.scales.value).toFixed(3)]);
      const policy = replay.doc.policies[agent.policy[step]];
      if (policy) facts.push(['played by', `${policy.uri} (${policy.mode})`]);
    }
    facts.push(['place', `row ${agent.row[step]}, column ${agent.col[step]}`]);
    facts.push(['reward so far', (agent.reward[step] * replay.doc.scales.total_reward).toFixed(4)]);
    document.getElementById('facts').replaceChildren(...facts.flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
  }
}

/** Stations in words: what they would give now and for what, uses left, ticks of rest, what chests hold. */
function writeStations(replay, step, followed) {
  const box = document.getElementById('stations');
  box.hidden = !replay.isMachina1;
  if (box.hidden) return;
  document.getElementById('station-list').replaceChildren(...stationLines(replay, step, followed).map(([where, what]) => {
    const item = element('li');
    item.append(element('span', where), element('span', what));
    return item;
  }));
}
