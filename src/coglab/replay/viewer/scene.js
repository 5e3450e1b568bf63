// Draws the map. What never changes is painted once into a picture; per frame only objects and agents are drawn.

// Colours of Okabe and Ito, which colour-blind people can tell apart; shapes and letters say the same again.
const COLOUR = { cogs: '#56b4e9', clips: '#e69f00', neutral: '#9aa4b2', heart: '#cc79a7', oxygen: '#ffffff', carbon: '#5d6874',
  germanium: '#009e73', silicon: '#f0e442', hp: '#cc79a7', energy: '#f0e442', wall: '#37424f', wallTop: '#4a5766',
  floor: '#161c24', grid: '#1b222b', agent: '#f4f7fb', ink: '#0e1319' };
const OWNER_COLOUR = { '-1': COLOUR.neutral, 0: COLOUR.clips, 1: COLOUR.cogs };
const TILE = 16; // pixels of a cell in the painted ground

function newCanvas(width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = width; canvas.height = height;
  return canvas;
}

/** The ground of a map, painted once. */
function paintGround(replay) {
  const canvas = newCanvas(replay.width * TILE, replay.height * TILE), ctx = canvas.getContext('2d');
  ctx.fillStyle = COLOUR.floor;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.fillStyle = COLOUR.grid;
  for (let r = 0; r < replay.height; r++) for (let c = 0; c < replay.width; c++) {
    if ((r + c) % 2) ctx.fillRect(c * TILE, r * TILE, TILE, TILE);
  }
  for (let r = 0; r < replay.height; r++) for (let c = 0; c < replay.width; c++) {
    if (replay.walls[r][c] !== '#') continue;
    ctx.fillStyle = COLOUR.wall;
    ctx.fillRect(c * TILE, r * TILE, TILE, TILE);
    const isOpen = r + 1 < replay.height && replay.walls[r + 1][c] !== '#';
    ctx.fillStyle = isOpen ? '#232b35' : COLOUR.wallTop;
    if (isOpen) ctx.fillRect(c * TILE, r * TILE + TILE - 4, TILE, 4);
    else if (r > 0 && replay.walls[r - 1][c] !== '#') ctx.fillRect(c * TILE, r * TILE, TILE, 2);
  }
  return canvas;
}

/** Areas of effect at a state: one pixel per cell. */
function paintAreas(replay, step, canvas) {
  const ctx = canvas.getContext('2d'), image = ctx.createImageData(replay.width, replay.height);
  const radius = replay.doc.area_radius, cells = new Uint8Array(replay.width * replay.height);
  for (const source of [...replay.hubs, ...replay.junctions]) {
    const owner = source.owner[step];
    if (owner < 0) continue;
    for (let r = Math.max(0, source.row - radius); r <= Math.min(replay.height - 1, source.row + radius); r++) {
      for (let c = Math.max(0, source.col - radius); c <= Math.min(replay.width - 1, source.col + radius); c++) {
        cells[r * replay.width + c] |= 1 << owner;
      }
    }
  }
  const tints = [[0, 0, 0, 0], [230, 159, 0, 62], [86, 180, 233, 62], [190, 150, 200, 66]];
  for (let r = 0; r < replay.height; r++) for (let c = 0; c < replay.width; c++) {
    if (replay.walls[r][c] === '#') cells[r * replay.width + c] = 0;
  }
  cells.forEach((bits, i) => image.data.set(tints[bits], 4 * i));
  ctx.putImageData(image, 0, 0);
}

function tracePath(ctx, shape, x, y, s) {
  ctx.beginPath();
  if (shape === 'aligner') { ctx.moveTo(x, y - s); ctx.lineTo(x + s, y); ctx.lineTo(x, y + s); ctx.lineTo(x - s, y); ctx.closePath(); }
  else if (shape === 'miner') ctx.rect(x - s * 0.8, y - s * 0.8, s * 1.6, s * 1.6);
  else if (shape === 'scout') { ctx.moveTo(x, y - s); ctx.lineTo(x + s, y + s * 0.8); ctx.lineTo(x - s, y + s * 0.8); ctx.closePath(); }
  else if (shape === 'scrambler') {
    const a = s * 0.35;
    [[-s, -s + a], [-s + a, -s], [0, -a], [s - a, -s], [s, -s + a], [a, 0], [s, s - a], [s - a, s], [0, a], [-s + a, s], [-s, s - a], [-a, 0]]
      .forEach(([dx, dy], i) => (i ? ctx.lineTo(x + dx, y + dy) : ctx.moveTo(x + dx, y + dy)));
    ctx.closePath();
  } else ctx.arc(x, y, s * 0.55, 0, 7);
}

function drawHeart(ctx, x, y, s) {
  ctx.beginPath();
  ctx.moveTo(x, y + s);
  ctx.bezierCurveTo(x - 1.9 * s, y - 0.3 * s, x - 0.9 * s, y - 1.3 * s, x, y - 0.35 * s);
  ctx.bezierCurveTo(x + 0.9 * s, y - 1.3 * s, x + 1.9 * s, y - 0.3 * s, x, y + s);
  ctx.fill();
}

/** Draw one station, junction, extractor, chest or hub; x, y is the middle of its cell, s its size in pixels. */
function drawThing(ctx, replay, thing, step, x, y, s) {
  if (replay.isMachina1) { drawStation(ctx, replay, thing, step, x, y, s); return; }
  const half = s / 2;
  if (thing.type === 'junction') {
    const owner = thing.owner[step];
    ctx.fillStyle = OWNER_COLOUR[owner];
    ctx.strokeStyle = COLOUR.ink;
    ctx.lineWidth = Math.max(1, s / 12);
    ctx.beginPath();
    // Shape by owner too: neutral a ring, cogs a hexagon, clips a spiky star.
    const points = owner === 0 ? 12 : owner === 1 ? 6 : 24;
    for (let i = 0; i < points; i++) {
      const reach = half * (owner === 0 && i % 2 ? 0.55 : 1.05), angle = i * 2 * Math.PI / points;
      ctx.lineTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle));
    }
    ctx.closePath(); ctx.fill(); ctx.stroke();
    ctx.fillStyle = COLOUR.ink;
    if (owner < 0) { ctx.beginPath(); ctx.arc(x, y, half * 0.5, 0, 7); ctx.fill(); }
    return;
  }
  if (thing.item >= 0) {
    const name = replay.items[thing.item], left = thing.amount[step] / 100;
    ctx.fillStyle = '#0b0f14';
    ctx.fillRect(x - half, y - half, s, s);
    ctx.globalAlpha = 0.35 + 0.65 * left;
    ctx.fillStyle = COLOUR[name];
    ctx.fillRect(x - half * 0.86, y + half * 0.86 - s * 0.86 * left, s * 0.86, s * 0.86 * left);
    ctx.globalAlpha = 1;
    ctx.strokeStyle = COLOUR[name]; ctx.lineWidth = Math.max(1, s / 14);
    ctx.strokeRect(x - half * 0.86, y - half * 0.86, s * 0.86, s * 0.86);
    if (s >= 12) letter(ctx, name[0].toUpperCase(), x, y, s * 0.62, left > 0.5 ? COLOUR.ink : COLOUR[name]);
    return;
  }
  ctx.fillStyle = '#1d3d54';
  ctx.strokeStyle = COLOUR.cogs;
  ctx.lineWidth = Math.max(1, s / 14);
  ctx.fillRect(x - half * 0.95, y - half * 0.95, s * 0.95, s * 0.95);
  ctx.strokeRect(x - half * 0.95, y - half * 0.95, s * 0.95, s * 0.95);
  if (thing.type === 'hub') { ctx.fillStyle = COLOUR.cogs; ctx.beginPath(); ctx.arc(x, y, half * 0.6, 0, 7); ctx.fill(); letter(ctx, 'H', x, y, s * 0.5, COLOUR.ink); }
  else if (thing.type === 'chest') { ctx.fillStyle = COLOUR.heart; drawHeart(ctx, x, y, half * 0.5); }
  else { ctx.fillStyle = '#dfe9f3'; tracePath(ctx, thing.type.replace('_station', ''), x, y, half * 0.55); ctx.fill(); }
}

function letter(ctx, text, x, y, size, colour) {
  ctx.fillStyle = colour;
  ctx.font = `bold ${Math.round(size)}px "DejaVu Sans", system-ui, sans-serif`;
  ctx.textAlign = 'center'; ctx.textBaseline = 'middle';
  ctx.fillText(text, x, y + size * 0.06);
}

const VIBE_COLOUR = { default: '#e6ebf2', heart: COLOUR.heart, gear: '#b7c3d0', scrambler: '#d55e00', aligner: '#56b4e9',
  miner: '#f0e442', scout: '#009e73' };

function drawAgent(ctx, replay, agent, step, x, y, s, isFollowed) {
  const half = s / 2, gear = replay.gear(agent, step), vibe = replay.doc.vibe_names[agent.vibe[step]];
  const isMachina1 = replay.isMachina1, hp = isMachina1 ? 0 : replay.amount(agent, 'hp', step);
  ctx.fillStyle = '#fff';
  ctx.beginPath(); ctx.arc(x, y, half * 1.22, 0, 7); ctx.fill();
  ctx.fillStyle = COLOUR.ink;
  ctx.beginPath(); ctx.arc(x, y, half * 1.1, 0, 7); ctx.fill();
  ctx.fillStyle = VIBE_COLOUR[vibe] || '#e6ebf2';
  ctx.globalAlpha = hp || isMachina1 ? 1 : 0.45;
  ctx.beginPath(); ctx.arc(x, y, half * 0.98, 0, 7); ctx.fill();
  ctx.globalAlpha = 1;
  ctx.fillStyle = COLOUR.ink;
  if (gear) { tracePath(ctx, gear, x, y, half * 0.62); ctx.fill(); }
  if (isFollowed) { ctx.strokeStyle = '#fff'; ctx.lineWidth = 2; ctx.beginPath(); ctx.arc(x, y, half * 1.5, 0, 7); ctx.stroke(); }
  if (s < 14) return;
  const energy = replay.amount(agent, 'energy', step), width = s * 1.1, left = x - width / 2;
  ctx.fillStyle = '#0b0f14'; ctx.fillRect(left - 1, y + half + 1, width + 2, 7);
  ctx.fillStyle = COLOUR.hp; ctx.fillRect(left, y + half + 2, width * Math.min(1, hp / 100), 2);
  ctx.fillStyle = COLOUR.energy; ctx.fillRect(left, y + half + 5, width * Math.min(1, energy / (gear === 'scout' || isMachina1 ? 100 : 20)), 2);
  const hearts = replay.amount(agent, 'heart', step);
  ctx.fillStyle = COLOUR.heart;
  for (let i = 0; i < Math.min(hearts, 5); i++) drawHeart(ctx, left + 3 + i * s * 0.24, y - half - 3, s * 0.1);
  if (s < 22) return;
  let place = left;
  for (const [name, amount] of replay.cargo(agent, step)) {
    if (!amount) continue;
    ctx.fillStyle = COLOUR[name];
    const part = Math.max(2, width * amount / (isMachina1 ? 100 : gear === 'miner' ? 40 : 4));
    ctx.fillRect(place, y + half + 9, Math.min(part, left + width - place), 3);
    place += part;
  }
  if (s >= 26) letter(ctx, String(agent.id), x + half * 0.95, y - half * 0.95, s * 0.34, '#fff');
}

/** The part of a map that is not solid wall, with one cell of wall around: [column, row, column behind, row behind]. */
function openBounds(replay) {
  const box = [replay.width, replay.height, 0, 0];
  replay.walls.forEach((line, r) => {
    const first = line.indexOf('.');
    if (first < 0) return;
    box[0] = Math.min(box[0], first - 1); box[2] = Math.max(box[2], line.lastIndexOf('.') + 2);
    box[1] = Math.min(box[1], r - 1); box[3] = Math.max(box[3], r + 2);
  });
  return box[2] ? box : [0, 0, replay.width, replay.height];
}

/** One map on one canvas, with its camera. */
class Scene {
  constructor(replay, canvas) {
    this.replay = replay; this.canvas = canvas;
    this.ctx = canvas.getContext('2d', { alpha: false });
    this.ground = paintGround(replay);
    this.areas = newCanvas(replay.width, replay.height);
    this.areasOf = -1;
    this.bounds = openBounds(replay);
    this.camera = null; // {x, y, zoom}: cell in the middle, pixels per cell; null shows the whole map
  }

  setReplay(replay) { this.replay = replay; this.areasOf = -1; }

  fitZoom() {
    const [c0, r0, c1, r1] = this.bounds;
    return Math.min(this.canvas.width / (c1 - c0), this.canvas.height / (r1 - r0));
  }

  view() {
    const [c0, r0, c1, r1] = this.bounds;
    return this.camera || { x: (c0 + c1) / 2, y: (r0 + r1) / 2, zoom: this.fitZoom() };
  }

  toCell(px, py) {
    const { x, y, zoom } = this.view();
    return [(px - this.canvas.width / 2) / zoom + x, (py - this.canvas.height / 2) / zoom + y];
  }

  /** Draw the time (a state and a share of the next tick) as seen through the camera. */
  draw(time, followed, showsAreas) {
    const { x, y, zoom } = this.view();
    drawWorld(this.ctx, this, time, { x, y, zoom, width: this.canvas.width, height: this.canvas.height, followed, showsAreas });
  }
}

function placeOf(agent, time, last) {
  const step = Math.min(Math.floor(time), last), share = time - step, next = Math.min(step + 1, last);
  if (!share) return [agent.col[step] + 0.5, agent.row[step] + 0.5];
  const eased = share * share * (3 - 2 * share);
  return [agent.col[step] + (agent.col[next] - agent.col[step]) * eased + 0.5,
    agent.row[step] + (agent.row[next] - agent.row[step]) * eased + 0.5];
}

function drawWorld(ctx, scene, time, view) {
  const { x, y, zoom, width, height, followed } = view, replay = scene.replay;
  const step = Math.min(Math.floor(time), replay.steps);
  const left = width / 2 - x * zoom, top = height / 2 - y * zoom;
  ctx.fillStyle = '#0a0e13';
  ctx.fillRect(0, 0, width, height);
  ctx.imageSmoothingEnabled = zoom < TILE;
  // Only the part of the ground that is in view: drawing the whole of a large map scaled up costs milliseconds.
  const c0 = Math.max(0, Math.floor(-left / zoom)), r0 = Math.max(0, Math.floor(-top / zoom));
  const c1 = Math.min(replay.width, Math.ceil((width - left) / zoom)), r1 = Math.min(replay.height, Math.ceil((height - top) / zoom));
  if (c1 <= c0 || r1 <= r0) return;
  const target = [left + c0 * zoom, top + r0 * zoom, (c1 - c0) * zoom, (r1 - r0) * zoom];
  ctx.drawImage(scene.ground, c0 * TILE, r0 * TILE, (c1 - c0) * TILE, (r1 - r0) * TILE, ...target);
  if (view.showsAreas && !replay.isMachina1) {
    if (scene.areasOf !== replay.ownerChange[step]) {
      scene.areasOf = replay.ownerChange[step];
      paintAreas(replay, step, scene.areas);
    }
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(scene.areas, c0, r0, c1 - c0, r1 - r0, ...target);
  }
  const size = Math.max(5, zoom * 0.86);
  for (const thing of replay.things) {
    if (thing.col < c0 - 1 || thing.col > c1 || thing.row < r0 - 1 || thing.row > r1 || replay.isGone(thing, step)) continue;
    drawThing(ctx, replay, thing, step, left + (thing.col + 0.5) * zoom, top + (thing.row + 0.5) * zoom, size);
  }
  for (const agent of replay.agents) {
    const [col, row] = placeOf(agent, time, replay.steps);
    drawAgent(ctx, replay, agent, step, left + col * zoom, top + row * zoom, Math.max(9, zoom * 0.86), agent.id === followed);
  }
  if (followed !== null && followed !== undefined && replay.agents[followed]) {
    const [col, row] = placeOf(replay.agents[followed], time, replay.steps);
    ctx.strokeStyle = '#ffffffb0'; ctx.lineWidth = 1.5; ctx.setLineDash([6, 4]);
    ctx.strokeRect(left + (col - RADIUS - 0.5) * zoom, top + (row - RADIUS - 0.5) * zoom, 11 * zoom, 11 * zoom);
    ctx.setLineDash([]);
  }
}
