// Curves over the episode and marks of events, each painted once; a cursor is drawn over them per frame.

const EVENT_ROWS = [
  ['aligned', COLOUR.cogs, ['aligned']], ['scrambled', COLOUR.germanium, ['scrambled']],
  ['clips', COLOUR.clips, ['clips_took', 'clips_scrambled']], ['gear lost', '#d55e00', ['gear_lost', 'collapsed']],
  ['heart made', COLOUR.heart, ['heart_made']],
];
const EVENT_ROWS_M1 = [['heart made', COLOUR.heart, ['heart_made']], ['delivered', COLOUR.cogs, ['heart_delivered']],
  ['gear made', COLOUR.germanium, ['gear_gained']], ['emptied', COLOUR.clips, ['depleted']]];

/** Rows of the time line, for all games that are shown. */
function eventRows(replays) {
  const rows = [];
  if (replays.some((replay) => !replay.isMachina1)) rows.push(...EVENT_ROWS);
  if (replays.some((replay) => replay.isMachina1)) rows.push(...EVENT_ROWS_M1.filter(([name]) => !rows.some((row) => row[0] === name)));
  return rows;
}
const MARGIN = 64;

class Chart {
  /** paint(ctx, width, height, xOf, replays) paints what does not move. */
  constructor(canvas, paint) { this.canvas = canvas; this.paint = paint; this.picture = null; }

  resize() {
    const ratio = window.devicePixelRatio || 1, box = this.canvas.getBoundingClientRect();
    const width = Math.max(50, Math.round(box.width * ratio)), height = Math.max(20, Math.round(box.height * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width; this.canvas.height = height; this.picture = null;
    }
    this.ratio = ratio;
  }

  xOf(step, steps) { const m = MARGIN * this.ratio; return m + (this.canvas.width - m - 4) * step / Math.max(1, steps); }

  stepAt(clientX, steps) {
    const box = this.canvas.getBoundingClientRect(), m = MARGIN;
    return Math.round(Math.max(0, Math.min(1, (clientX - box.left - m) / (box.width - m - 4))) * steps);
  }

  draw(time, steps, replays) {
    const ctx = this.canvas.getContext('2d'), { width, height } = this.canvas;
    if (!this.picture || this.replays !== replays) {
      this.picture = newCanvas(width, height); this.replays = replays;
      const inner = this.picture.getContext('2d');
      this.paint(inner, width, height, (step) => this.xOf(step, steps), replays, this.ratio);
    }
    ctx.clearRect(0, 0, width, height);
    ctx.drawImage(this.picture, 0, 0);
    ctx.fillStyle = '#ffffff';
    ctx.fillRect(this.xOf(time, steps) - 0.75 * this.ratio, 0, 1.5 * this.ratio, height);
  }
}

function paintEvents(ctx, width, height, xOf, replays, ratio) {
  const rows = eventRows(replays), rowHeight = height / rows.length;
  ctx.font = `${10 * ratio}px "DejaVu Sans", system-ui, sans-serif`;
  ctx.textBaseline = 'middle';
  rows.forEach(([label, colour, names], row) => {
    ctx.fillStyle = row % 2 ? '#151b23' : '#19212a';
    ctx.fillRect(MARGIN * ratio, row * rowHeight, width, rowHeight);
    ctx.fillStyle = '#98a5b5';
    ctx.fillText(label, 0, (row + 0.5) * rowHeight);
    ctx.fillStyle = colour;
    replays.forEach((replay, index) => {
      const kinds = new Set(names.map((name) => replay.eventNames.indexOf(name)));
      const part = rowHeight / replays.length;
      for (const event of replay.events) {
        if (kinds.has(event[1])) ctx.fillRect(xOf(event[0]) - ratio, row * rowHeight + index * part + 1, 2 * ratio, part - 2);
      }
    });
  });
}

/** Paint curves: list of {name, colour, values, dashed}. */
function paintCurves(ctx, width, height, xOf, curves, ratio, digits) {
  let top = 1e-9;
  for (const { values } of curves) for (const value of values) if (value > top) top = value;
  const yOf = (value) => height - 4 * ratio - (height - 10 * ratio) * value / top;
  ctx.font = `${10 * ratio}px "DejaVu Sans", system-ui, sans-serif`;
  ctx.textBaseline = 'middle';
  ctx.strokeStyle = '#2c3642';
  for (const share of [0, 0.5, 1]) {
    ctx.lineWidth = ratio;
    ctx.beginPath(); ctx.moveTo(MARGIN * ratio, yOf(top * share)); ctx.lineTo(width, yOf(top * share)); ctx.stroke();
  }
  ctx.fillStyle = '#98a5b5'; ctx.textAlign = 'right';
  ctx.fillText(top.toFixed(digits), (MARGIN - 4) * ratio, yOf(top));
  ctx.textAlign = 'left';
  const names = [...new Set(curves.map((curve) => curve.name))];
  names.forEach((name, i) => {
    ctx.fillStyle = curves.find((curve) => curve.name === name).colour;
    ctx.fillText(name, 0, (20 + 14 * i) * ratio);
  });
  for (const { colour, values, dashed } of curves) {
    ctx.strokeStyle = colour; ctx.lineWidth = 1.6 * ratio; ctx.setLineDash(dashed ? [4 * ratio, 3 * ratio] : []);
    ctx.beginPath();
    const every = Math.max(1, Math.floor(values.length / (2 * width)));
    for (let i = 0; i < values.length; i += every) ctx.lineTo(xOf(i), yOf(values[i]));
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

const CHARTS = {
  junctions: (ctx, w, h, xOf, replays, ratio) => paintCurves(ctx, w, h, xOf, replays.flatMap((replay, i) => {
    if (replay.isMachina1) {
      return [{ name: 'made', colour: COLOUR.heart, values: replay.hearts.made, dashed: i },
        { name: 'delivered', colour: COLOUR.cogs, values: replay.hearts.delivered, dashed: i }];
    }
    const total = replay.junctions.length;
    const neutral = Float32Array.from(replay.owned.cogs, (own, s) => total - own - replay.owned.clips[s]);
    return [{ name: 'neutral', colour: '#6b7785', values: neutral, dashed: i }, { name: 'clips', colour: COLOUR.clips, values: replay.owned.clips, dashed: i },
      { name: 'cogs', colour: COLOUR.cogs, values: replay.owned.cogs, dashed: i }];
  }), ratio, 0),
  stock: (ctx, w, h, xOf, replays, ratio) => paintCurves(ctx, w, h, xOf, replays.flatMap((replay, i) =>
    replay.stock.map(({ name, amounts }) => ({ name, colour: COLOUR[name] || '#fff', values: amounts, dashed: i }))), ratio, 0),
  reward: (ctx, w, h, xOf, replays, ratio) => paintCurves(ctx, w, h, xOf, replays.map((replay, i) =>
    ({ name: replays.length > 1 ? (i ? 'right' : 'left') : 'reward', colour: i ? '#f0e442' : '#56b4e9', values: replay.reward, dashed: i })), ratio, 3),
};
