// Puts the parts together: time, input, links. State lives in `app`; `app.draw()` shows it.

const SPEEDS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const byId = (id) => document.getElementById(id);

const app = {
  replays: [], scenes: [], stages: [], focus: 0, time: 0, steps: 0, speed: 8, isPlaying: false, followed: null,
  showsAreas: true, isDirty: true, lastFrame: 0, lastPanels: 0, frames: 0, drawMs: 0,

  async open(sources) {
    try {
      const replays = await Promise.all(sources);
      if (replays.length) this.show(replays.slice(0, 2));
      byId('error').hidden = true;
    } catch (error) {
      byId('error').textContent = `This replay cannot be shown: ${error.message}`;
      byId('error').hidden = false;
    }
  },

  show(replays) {
    this.replays = replays;
    this.steps = Math.max(...replays.map((replay) => replay.steps));
    this.focus = Math.min(this.focus, replays.length - 1);
    this.stages = replays.map((replay, index) => makeStage(replay, index));
    this.scenes = this.stages.map((stage) => stage.scene);
    byId('stages').replaceChildren(...this.stages.map((stage) => stage.box));
    byId('scrub').max = this.steps;
    const doc = replays[0].doc;
    byId('title').textContent = replays.map((replay) => replay.doc.label || 'replay').join('  |  ');
    document.title = `${byId('title').textContent} · coglab`;
    byId('subtitle').textContent = `${[doc.game, doc.config.mission].filter(Boolean).join(', ')}, map ${doc.map_seed}, ${doc.num_agents} agents, ${doc.steps} ticks`;
    byId('note').textContent = replays.map((replay) => replay.doc.note).filter(Boolean).join('  |  ');
    byId('note').hidden = !byId('note').textContent;
    byId('chart-title').textContent = [...new Set(replays.map((replay) => (replay.isMachina1 ? 'hearts' : 'junctions')))].join(', ');
    byId('stock-title').textContent = [...new Set(replays.map((replay) => (replay.isMachina1 ? 'in the chests' : 'team stock')))].join(', ');
    byId('areas').parentNode.hidden = replays.every((replay) => replay.isMachina1);
    roster.build(replays[this.focus]);
    this.readLink();
    this.resize();
  },

  /** A running episode has grown: take the new version without moving the camera. */
  grow(replay) {
    const wasAtEnd = this.time >= this.steps - 1;
    if (!this.replays.length) { this.show([replay]); } else {
      this.replays = [replay];
      this.steps = replay.steps;
      this.scenes[0].setReplay(replay);
      byId('scrub').max = this.steps;
      roster.replay = replay;
    }
    if (wasAtEnd && !this.isPlaying) this.seek(this.steps); else this.isDirty = true;
  },

  focusOn(index) {
    if (this.focus === index) return;
    this.focus = index;
    roster.build(this.replays[index]);
    this.stages.forEach((stage, i) => stage.box.classList.toggle('focused', i === index));
    this.touch();
  },

  get step() { return Math.floor(this.time); },

  stepOf(replay) { return Math.min(this.step, replay.steps); },

  seek(time) { this.time = Math.max(0, Math.min(this.steps, time)); this.touch(); },

  touch() { this.isDirty = true; this.lastPanels = 0; },

  setPlaying(isPlaying) {
    if (isPlaying && this.time >= this.steps) this.time = 0;
    this.isPlaying = isPlaying;
    if (!isPlaying) this.time = Math.round(this.time);
    byId('play').textContent = isPlaying ? '❚❚' : '▶';
    this.touch();
    if (!isPlaying) this.writeLink();
  },

  setSpeed(speed) { this.speed = Math.max(SPEEDS[0], Math.min(SPEEDS[SPEEDS.length - 1], speed)); byId('speed').value = String(this.speed); },

  follow(id) {
    const agent = id === null ? null : this.replays[this.focus].agents[id];
    this.followed = agent ? agent.id : null;
    this.touch();
    this.writeLink();
  },

  jump(direction) {
    const steps = [...new Set(this.replays[this.focus].events.filter((event) => isMarked(this.replays[this.focus], event)).map((event) => event[0]))];
    const next = direction > 0 ? steps.find((step) => step > this.step) : steps.reverse().find((step) => step < this.step);
    if (next !== undefined) { this.setPlaying(false); this.seek(next); this.writeLink(); }
  },

  /** Go to the next (or last) decision of the followed agent that its teacher would not have taken. */
  disagreement(direction) {
    const replay = this.replays[this.focus], agent = replay.agents[this.followed ?? -1];
    if (!agent) return;
    for (let step = this.step + direction; step >= 0 && step < replay.steps; step += direction) {
      if (agent.teacher[step] >= 0 && agent.teacher[step] !== agent.action[step]) {
        this.setPlaying(false); this.seek(step); this.writeLink();
        return;
      }
    }
  },

  link() {
    const parts = { t: this.step, speed: this.speed };
    if (this.followed !== null) parts.agent = this.followed;
    if (this.focus) parts.side = this.focus;
    if (!this.showsAreas) parts.areas = 0;
    return '#' + new URLSearchParams(parts);
  },

  writeLink() { try { history.replaceState(null, '', this.link()); } catch { /* some browsers forbid it on disk */ } },

  readLink() {
    const parts = new URLSearchParams(location.hash.slice(1)), number = (key) => (parts.has(key) ? Number(parts.get(key)) : NaN);
    if (number('speed') > 0) this.setSpeed(number('speed'));
    if (number('side') >= 0 && number('side') < this.replays.length) this.focusOn(number('side'));
    if (parts.get('areas') === '0') { this.showsAreas = false; byId('areas').checked = false; }
    if (number('agent') >= 0 && this.replays[this.focus].agents[number('agent')]) this.followed = number('agent');
    if (number('t') >= 0) this.seek(Math.floor(number('t')));
  },

  resize() {
    const ratio = window.devicePixelRatio || 1;
    for (const { canvas } of this.stages) {
      canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
      canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    }
    for (const chart of charts) chart.resize();
    this.touch();
  },

  frame(now) {
    if (this.isPlaying && this.replays.length) {
      const seconds = Math.min(0.25, (now - this.lastFrame) / 1000);
      this.time = Math.min(this.steps, this.time + seconds * this.speed);
      if (this.time >= this.steps && !IS_LIVE) this.setPlaying(false);
      this.isDirty = true;
    }
    this.lastFrame = now;
    if (this.isDirty && this.replays.length) {
      const started = performance.now();
      this.draw(now);
      this.frames++; this.drawMs += performance.now() - started;
      this.isDirty = false;
    }
    requestAnimationFrame((time) => this.frame(time));
  },

  draw(now) {
    // Above 30 ticks a second nobody sees agents glide between cells.
    const time = this.speed > 30 ? Math.floor(this.time) : this.time;
    this.scenes.forEach((scene, index) => {
      if (this.followed !== null && index === this.focus && scene.camera && scene.follows) {
        const [x, y] = placeOf(scene.replay.agents[this.followed], Math.min(time, scene.replay.steps), scene.replay.steps);
        scene.camera.x = x; scene.camera.y = y;
      }
      scene.draw(Math.min(time, scene.replay.steps), index === this.focus ? this.followed : null, this.showsAreas);
    });
    for (const chart of charts) chart.draw(this.time, this.steps, this.replays);
    byId('scrub').value = this.step;
    const clock = `${this.step} / ${this.steps}`;
    if (byId('clock').textContent !== clock) byId('clock').textContent = clock;
    // Texts are for reading: while playing ten times a second is enough, and leaves the frame to the map.
    if (this.isPlaying && now - this.lastPanels < 100) return;
    this.lastPanels = now;
    const scene = this.scenes[this.focus], step = this.stepOf(scene.replay);
    roster.update(step, this.followed);
    mind.update(scene, step, this.followed, this.showsAreas);
    writeStations(scene.replay, step, this.followed);
    this.stages.forEach(({ score }, index) => {
      const replay = this.replays[index], at = this.stepOf(replay);
      score.textContent = replay.score(at);
    });
    const events = scene.replay.events.filter((event) => event[0] === step);
    byId('event-text').textContent = events.map((event) => scene.replay.eventText(event)).join(' · ');
  },

  /** Frames per second while playing: {fps, drawMs, frames}. */
  async bench(seconds = 3, speed = 16) {
    this.seek(0); this.setSpeed(speed); this.setPlaying(true);
    await new Promise((done) => setTimeout(done, 300));
    const frames = this.frames, ms = this.drawMs, started = performance.now();
    await new Promise((done) => setTimeout(done, seconds * 1000));
    const elapsed = (performance.now() - started) / 1000, count = this.frames - frames;
    this.setPlaying(false);
    return { fps: count / elapsed, drawMs: (this.drawMs - ms) / Math.max(1, count), frames: count };
  },
};

function isMarked(replay, event) {
  return eventRows([replay]).some(([, , names]) => names.includes(replay.eventNames[event[1]]));
}

function makeStage(replay, index) {
  const box = element('div', undefined, 'stage'), canvas = element('canvas'), name = element('div', undefined, 'name');
  name.append(element('span', replay.doc.label || 'replay'));
  const score = element('span', '', 'score');
  name.append(score);
  box.append(canvas, name);
  if (index === app.focus && app.replays.length > 1) box.classList.add('focused');
  const scene = new Scene(replay, canvas), pointers = new Map();
  let moved = 0, pinch = 0;
  const at = (event) => {
    const bounds = canvas.getBoundingClientRect(), ratio = canvas.width / bounds.width;
    return [(event.clientX - bounds.left) * ratio, (event.clientY - bounds.top) * ratio];
  };
  const zoomAt = ([px, py], factor) => {
    const [cx, cy] = scene.toCell(px, py), view = scene.view(), least = scene.fitZoom();
    const zoom = Math.max(least, Math.min(80 * (window.devicePixelRatio || 1), view.zoom * factor));
    if (zoom <= least) { scene.camera = null; } else {
      scene.camera = { zoom, x: cx - (px - canvas.width / 2) / zoom, y: cy - (py - canvas.height / 2) / zoom };
    }
    scene.follows = app.followed !== null;
    app.touch();
  };
  canvas.addEventListener('wheel', (event) => { event.preventDefault(); zoomAt(at(event), Math.exp(-event.deltaY / 400)); }, { passive: false });
  canvas.addEventListener('pointerdown', (event) => { canvas.setPointerCapture(event.pointerId); pointers.set(event.pointerId, at(event)); moved = 0; pinch = 0; });
  canvas.addEventListener('pointermove', (event) => {
    const old = pointers.get(event.pointerId);
    if (!old) return;
    const [px, py] = at(event);
    moved += Math.hypot(px - old[0], py - old[1]);
    pointers.set(event.pointerId, [px, py]);
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()], spread = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (pinch) zoomAt([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], spread / pinch);
      pinch = spread;
    } else if (moved > 6) {
      const view = scene.view();
      scene.camera = { zoom: view.zoom, x: view.x - (px - old[0]) / view.zoom, y: view.y - (py - old[1]) / view.zoom };
      scene.follows = false;
      app.touch();
    }
  });
  const lift = (event) => { pointers.delete(event.pointerId); pinch = 0; };
  canvas.addEventListener('pointercancel', lift);
  canvas.addEventListener('pointerup', (event) => {
    lift(event);
    if (moved > 6) return;
    app.focusOn(index);
    const [x, y] = scene.toCell(...at(event)), current = scene.replay, step = app.stepOf(current);
    const near = current.agents.map((agent) => [Math.hypot(agent.col[step] + 0.5 - x, agent.row[step] + 0.5 - y), agent.id]).sort((a, b) => a[0] - b[0])[0];
    if (near && near[0] < 1.6) { app.follow(near[1]); scene.follows = true; }
  });
  return { box, canvas, scene, score };
}

const roster = new Roster(byId('roster'), (id) => app.follow(id));
const mind = new Mind();
const charts = [new Chart(byId('timeline'), paintEvents),
  ...[...document.querySelectorAll('[data-chart]')].map((canvas) => new Chart(canvas, CHARTS[canvas.dataset.chart]))];

for (const chart of charts) {
  const scrub = (event) => { if (event.buttons || event.type === 'pointerdown') app.seek(chart.stepAt(event.clientX, app.steps)); };
  chart.canvas.addEventListener('pointerdown', (event) => { chart.canvas.setPointerCapture(event.pointerId); scrub(event); });
  chart.canvas.addEventListener('pointermove', scrub);
  chart.canvas.addEventListener('pointerup', () => app.writeLink());
}
for (const speed of SPEEDS) byId('speed').append(Object.assign(element('option', `${speed} / s`), { value: String(speed) }));
byId('speed').value = '8';
byId('speed').addEventListener('change', () => app.setSpeed(Number(byId('speed').value)));
byId('scrub').addEventListener('input', () => { app.isPlaying && app.setPlaying(false); app.seek(Number(byId('scrub').value)); });
byId('scrub').addEventListener('change', () => app.writeLink());
const ACTIONS = {
  play: () => app.setPlaying(!app.isPlaying), first: () => app.seek(0), last: () => app.seek(app.steps),
  back: () => { app.setPlaying(false); app.seek(app.step - 1); app.writeLink(); },
  forward: () => { app.setPlaying(false); app.seek(app.step + 1); app.writeLink(); },
  'next-event': () => app.jump(1), 'previous-event': () => app.jump(-1), unfollow: () => app.follow(null),
  fit: () => { app.scenes.forEach((scene) => { scene.camera = null; }); app.touch(); },
  link: () => { app.writeLink(); if (navigator.clipboard) navigator.clipboard.writeText(location.href).catch(() => {}); },
  'help-button': () => byId('help').showModal(),
};
for (const [id, act] of Object.entries(ACTIONS)) byId(id).addEventListener('click', act);
byId('areas').addEventListener('change', () => { app.showsAreas = byId('areas').checked; app.touch(); });
byId('file').addEventListener('change', () => app.open([...byId('file').files].map(async (file) => unpackBytes(new Uint8Array(await file.arrayBuffer())))));
document.addEventListener('dragover', (event) => { event.preventDefault(); document.body.classList.add('dropping'); });
document.addEventListener('dragleave', () => document.body.classList.remove('dropping'));
document.addEventListener('drop', (event) => {
  event.preventDefault();
  document.body.classList.remove('dropping');
  app.open([...event.dataTransfer.files].map(async (file) => unpackBytes(new Uint8Array(await file.arrayBuffer()))));
});

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId('help').open) return;
  if (['SELECT', 'TEXTAREA'].includes(event.target.tagName) || !app.replays.length) return;
  const stride = (n) => { app.setPlaying(false); app.seek(app.step + n); app.writeLink(); };
  const count = app.replays[app.focus].agents.length, turn = (n) => app.follow(((app.followed ?? (n > 0 ? -1 : 0)) + n + count) % count);
  const keys = {
    ' ': ACTIONS.play, ArrowLeft: () => stride(event.shiftKey ? -10 : -1), ArrowRight: () => stride(event.shiftKey ? 10 : 1),
    Home: ACTIONS.first, End: ACTIONS.last, '+': () => app.setSpeed(app.speed * 2), '=': () => app.setSpeed(app.speed * 2),
    '-': () => app.setSpeed(app.speed / 2), n: ACTIONS['next-event'], p: ACTIONS['previous-event'], Escape: ACTIONS.unfollow,
    d: () => app.disagreement(1), D: () => app.disagreement(-1),
    f: ACTIONS.fit, l: ACTIONS.link, a: () => byId('areas').click(), '?': ACTIONS['help-button'], '[': () => turn(-1), ']': () => turn(1),
  };
  const act = keys[event.key] || (/^[0-9]$/.test(event.key) ? () => app.follow(Number(event.key)) : null);
  if (!act) return;
  event.preventDefault();
  if (document.activeElement && document.activeElement.blur) document.activeElement.blur();
  act();
});
window.addEventListener('resize', () => app.resize());
window.addEventListener('hashchange', () => { if (app.replays.length) app.readLink(); });

async function watchLive() {
  let known = -1;
  for (;;) {
    let pause = 500;
    try {
      const started = performance.now(), answer = await fetch(`replay.json.z?since=${known}`, { cache: 'no-store' });
      if (answer.status === 200) {
        const replay = await unpackBytes(new Uint8Array(await answer.arrayBuffer()));
        known = replay.steps;
        app.grow(replay);
      }
      pause = Math.max(300, 3 * (performance.now() - started)); // a long episode must not keep the server busy
    } catch { byId('event-text').textContent = 'the episode is no longer running'; pause = 3000; }
    await new Promise((done) => setTimeout(done, pause));
  }
}

window.coglab = app;
requestAnimationFrame((now) => app.frame(now));
const embedded = [...document.querySelectorAll('script.replay')];
if (embedded.length) app.open(embedded.map((node) => unpackText(node.textContent)));
if (IS_LIVE) watchLive();
else if (!embedded.length) byId('subtitle').textContent = 'open a replay (*.json.z), or drop one or two here';
