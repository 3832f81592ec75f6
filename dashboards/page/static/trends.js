/** The last minutes of p-value and stage scores, as the snapshots brought them. */

import { Chart } from "./charts.js";
import { html, oncePerFrame } from "./dom.js";

const KEPT_MS = 10 * 60_000;
const POINTS_MAX = 1_500;
const P_RANGE = /** @type {[number, number]} */ ([1e-6, 1]);

/** Times and values of one plant, the oldest dropped. */
class Trail {
  /** @param {string} run @param {number} lines */
  constructor(run, lines) {
    this.run = run;
    /** @type {(number|null)[][]} times, then a column a line */
    this.data = Array.from({ length: lines + 1 }, () => []);
  }

  /** @param {number} time @param {(number|null)[]} values */
  add(time, values) {
    const times = this.data[0];
    if (times.length && time <= times[times.length - 1]) return;
    [time, ...values].forEach((value, column) => this.data[column].push(value));
    const old = times.findIndex((kept) => kept >= time - KEPT_MS);
    const surplus = Math.max(old, times.length - POINTS_MAX);
    if (surplus > 0) for (const column of this.data) column.splice(0, surplus);
  }
}

/** Two small charts of the plant that is shown; trails of all plants are kept. */
export class Trends {
  /**
   * @param {HTMLElement} parent
   * @param {import("./types.js").Catalogue} catalogue
   * @param {import("./words.js").Names} names
   */
  constructor(parent, catalogue, names) {
    this.stages = catalogue.stages;
    /** @type {Map<string, Trail>} */
    this.trails = new Map();
    const { flagged, alarm } = catalogue.limits;
    // The numbers in the list above the charts are the legend.
    this.p = chart(parent, "p-value, log scale", {
      names: ["p"], height: 150, log: true, range: P_RANGE, legend: false,
      thresholds: [{ value: flagged, label: `unusual ${flagged}` }, { value: alarm, label: `alarm ${alarm}` }],
    });
    this.scores = chart(parent, "Anomaly score of each stage", {
      names: this.stages.map((stage) => names.area(stage)), height: 150, legend: false,
    });
    this.draw = oncePerFrame(() => {
      const trail = this.shown && this.trails.get(this.shown);
      if (!trail || !trail.data[0].length) return;
      const [times, p, ...scores] = trail.data;
      this.p.setData([times, p.map((value) => value && Math.max(value, P_RANGE[0]))]);
      this.scores.setData([times, ...scores]);
    });
  }

  /** @param {import("./types.js").Plant[]} plants @param {string} shown */
  update(plants, shown) {
    this.shown = shown;
    for (const plant of plants) {
      let trail = this.trails.get(plant.plant);
      if (!trail || trail.run !== plant.run) {
        trail = new Trail(plant.run, this.stages.length + 1);
        this.trails.set(plant.plant, trail);
      }
      const scores = this.stages.map((stage) => plant.scores[stage]?.score ?? null);
      trail.add(plant.time_ms, [plant.monitor?.p_value ?? null, ...scores]);
    }
    this.draw();
  }
}

/** @param {HTMLElement} parent @param {string} title @param {import("./charts.js").ChartOptions} options */
function chart(parent, title, options) {
  const place = html("div", { class: "chart", role: "img", "aria-label": `${title}, last 10 minutes` });
  parent.append(html("figure", {}, html("figcaption", {}, title), place));
  return new Chart(place, options);
}
