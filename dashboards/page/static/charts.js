/** Lines over time, drawn by uPlot: limits, events as vertical lines, colours of the theme. */

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { number } from "./words.js";
import { colour, onTheme } from "./theme.js";

const LINES = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6", "--line-7", "--line-8"];
const DASHES = [[], [6, 3], [2, 3]];
const LOG = 3;
const FONT = "12px system-ui, sans-serif";
const LEGEND_MAX = 12;

/**
 * @typedef {{names: string[], height: number, log?: boolean, held?: boolean, range?: [number|null, number|null],
 *   thresholds?: import("./types.js").Threshold[], legend?: boolean}} ChartOptions
 */

/** One chart; it keeps its uPlot from one set of data to the next. */
export class Chart {
  /** @param {HTMLElement} parent @param {ChartOptions} options */
  constructor(parent, options) {
    this.options = options;
    this.destroyed = false;
    /** @type {import("./types.js").Annotation[]} */
    this.annotations = [];
    this.plot = new uPlot(this.plotOptions(parent), [[], ...options.names.map(() => [])], parent);
    this.resizing = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (width > 0 && width !== this.plot.width) this.plot.setSize({ width, height: options.height });
    });
    this.resizing.observe(parent);
    this.forgetTheme = onTheme(() => this.plot.redraw(false));
  }

  /** @param {HTMLElement} parent */
  plotOptions(parent) {
    const { names, height, log, held, range, legend } = this.options;
    const axis = {
      stroke: () => colour("--muted"),
      grid: { stroke: () => colour("--grid"), width: 1 },
      ticks: { stroke: () => colour("--grid"), width: 1, size: 4 },
      font: FONT,
    };
    return {
      width: Math.max(parent.clientWidth, 120),
      height,
      ms: 1,
      legend: { show: legend ?? true, live: names.length <= LEGEND_MAX },
      cursor: { drag: { x: false, y: false }, points: { size: 6 } },
      scales: { x: { time: true }, y: { distr: log ? LOG : 1, ...(range && { range: log ? range : bounds(range) }) } },
      axes: [
        { ...axis, space: 70, size: 30, values: timeTicks },
        { ...axis, size: 58, ...(log && decades(axis)), values: (_, splits) => splits.map((tick) => (tick === null ? "" : number(tick))) },
      ],
      series: [{ label: "time", value: (_, t) => (t === null ? "–" : new Date(t).toLocaleString("en-GB")) },
        ...names.map((name, place) => series(name, place, held ?? false))],
      hooks: { draw: [() => this.drawLimits(), () => this.drawAnnotations()] },
    };
  }

  /**
   * @param {(number|null)[][]} data times in ms, then a column a line
   * @param {[number, number]} [span] times that the chart covers
   */
  setData(data, span) {
    const shown = this.options.log ? data.map((column, place) => (place ? column.map(positive) : column)) : data;
    this.plot.setData(/** @type {any} */ (shown), !span);
    if (span) this.plot.setScale("x", { min: span[0], max: span[1] });
    this.showNewest();
  }

  /** The legend shows the newest values as long as no cursor asks for others. */
  showNewest() {
    // After uPlot's own update, which is queued already and empties the legend.
    queueMicrotask(() => {
      const idx = this.plot.data[0].length - 1;
      if (!this.destroyed && (this.plot.cursor.left ?? -1) < 0 && idx >= 0) this.plot.setLegend({ idx });
    });
  }

  /** @param {import("./types.js").Annotation[]} annotations */
  setAnnotations(annotations) {
    this.annotations = annotations;
    this.plot.redraw(false);
    this.showNewest();
  }

  drawLimits() {
    const { ctx, bbox, scales } = this.plot;
    // Neighbours on a small chart: one label above its line, the next below.
    for (const [place, { value, label }] of (this.options.thresholds ?? []).entries()) {
      if (scales.y.min === null || value < scales.y.min || value > scales.y.max) continue;
      const y = Math.round(this.plot.valToPos(value, "y", true));
      line(ctx, [bbox.left, y, bbox.left + bbox.width, y], colour("--limit"));
      text(ctx, label, bbox.left + bbox.width - 4, y + (place % 2 ? 12 : -4) * devicePixelRatio, "right", colour("--limit"));
    }
  }

  drawAnnotations() {
    const { ctx, bbox, scales } = this.plot;
    let free = -Infinity;
    for (const { time_ms: time, title, kind } of this.annotations) {
      if (time < scales.x.min || time > scales.x.max) continue;
      const x = Math.round(this.plot.valToPos(time, "x", true));
      const ink = colour(kind === "alarm" ? "--alarm" : "--muted");
      line(ctx, [x, bbox.top, x, bbox.top + bbox.height], ink);
      if (x < free) continue;
      const right = x > bbox.left + bbox.width * 0.8;
      text(ctx, title, right ? x - 4 : x + 4, bbox.top + 12 * devicePixelRatio, right ? "right" : "left", ink);
      free = x + title.length * 6 * devicePixelRatio;
    }
  }

  destroy() {
    this.destroyed = true;
    this.forgetTheme();
    this.resizing.disconnect();
    this.plot.destroy();
  }
}

/** @param {[number|null, number|null]} range what is null follows the data */
function bounds([low, high]) {
  const pad = 0.1;
  return {
    min: { pad, hard: low ?? -Infinity, ...(low !== null && { soft: low, mode: 1 }) },
    max: { pad, hard: high ?? Infinity, ...(high !== null && { soft: high, mode: 1 }) },
  };
}

/** @param {string} label @param {number} place @param {boolean} held drawn as steps */
function series(label, place, held) {
  return {
    label,
    stroke: () => colour(LINES[place % LINES.length]),
    dash: DASHES[Math.floor(place / LINES.length) % DASHES.length],
    width: 1.5,
    // Series of other times share the rows: a null says nothing about a gap.
    spanGaps: true,
    ...(held && { paths: uPlot.paths.stepped({ align: 1 }) }),
    points: { show: false },
    value: (/** @type {uPlot} */ _, /** @type {number|null} */ value) => number(value),
  };
}

/** @param {any} axis of a log scale: grid and numbers at powers of ten only */
function decades(axis) {
  const filter = (/** @type {uPlot} */ _, /** @type {number[]} */ splits) =>
    splits.map((tick) => (Math.abs(Math.log10(tick) - Math.round(Math.log10(tick))) < 1e-9 ? tick : null));
  return { filter, grid: { ...axis.grid, filter }, ticks: { ...axis.ticks, filter } };
}

/** @param {uPlot} plot @param {number[]} splits @returns {string[]} */
function timeTicks(plot, splits) {
  const span = plot.scales.x.max - plot.scales.x.min;
  const length = span < 600_000 ? 8 : 5;
  return splits.map((tick) => new Date(tick).toLocaleTimeString("en-GB").slice(0, length));
}

/** @param {number|null} value what a log scale can show */
function positive(value) {
  return value !== null && value > 0 ? value : null;
}

/** @param {CanvasRenderingContext2D} ctx @param {number[]} ends @param {string} ink */
function line(ctx, [x0, y0, x1, y1], ink) {
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
  ctx.restore();
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {string} words @param {number} x @param {number} y
 * @param {CanvasTextAlign} align @param {string} ink
 */
function text(ctx, words, x, y, align, ink) {
  ctx.save();
  ctx.fillStyle = ink;
  ctx.textAlign = align;
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.fillText(words, x, y);
  ctx.restore();
}
