/**
 * What a panel shows, by its kind. A renderer has `setAnswer`, may have `setAnnotations`, and ends
 * with `destroy`.
 */

import { Chart } from "./charts.js";
import { html, setAttribute, setList, setText, svg } from "./dom.js";
import { clock, dayAndTime, number } from "./words.js";

const ROW_HEIGHT_PX = 30;
const LEGEND_PX = 64;
const TABLE_ROWS_MAX = 200;

/**
 * @typedef {import("./types.js").Panel} Panel
 * @typedef {import("./types.js").Answer} Answer
 * @typedef {{setAnswer: (answer: Answer, span: [number, number]) => void,
 *   setAnnotations?: (annotations: import("./types.js").Annotation[]) => void,
 *   destroy: () => void}} Renderer
 */

/** @param {HTMLElement} parent @param {Panel} panel @returns {Renderer} */
export function renderer(parent, panel) {
  const known = { timeseries, stat, table, bars, state };
  const make = known[panel.kind];
  if (make) return make(parent, panel);
  parent.append(html("p", { class: "panel-text" }, panel.description));
  return { setAnswer() {}, destroy() {} };
}

/** @param {string} kind whether its panels ask the server for anything */
export function hasData(kind) {
  return kind !== "text";
}

/** @param {HTMLElement} parent @param {Panel} panel @returns {Renderer} */
function timeseries(parent, panel) {
  /** @type {Chart|null} */
  let chart = null;
  let drawn = "";
  const height = Math.max(panel.height * ROW_HEIGHT_PX - LEGEND_PX, 120);
  return {
    setAnswer({ columns, rows }, span) {
      const names = columns.slice(1).map((column) => column.name);
      if (!chart || drawn !== names.join("\n")) {
        chart?.destroy();
        const bounded = !panel.log && ((panel.lowest ?? null) !== null || (panel.highest ?? null) !== null);
        chart = new Chart(parent, {
          names, height, log: panel.log, held: panel.held, thresholds: panel.thresholds,
          ...(bounded && { range: [panel.lowest ?? null, panel.highest ?? null] }),
        });
        drawn = names.join("\n");
      }
      chart.setData(columns.map((_, place) => rows.map((row) => row[place])), span);
      const last = rows[rows.length - 1];
      const values = last ? names.map((name, place) => `${name} ${number(last[place + 1])}`) : ["no data"];
      setAttribute(parent, "role", "img");
      setAttribute(parent, "aria-label", `${panel.title}, newest values: ${values.join(", ")}`);
    },
    setAnnotations(annotations) {
      chart?.setAnnotations(annotations);
    },
    destroy() {
      chart?.destroy();
    },
  };
}

/** @param {HTMLElement} parent @param {Panel} panel @returns {Renderer} */
function stat(parent, panel) {
  const list = html("dl", { class: "stats" });
  parent.append(list);
  return {
    setAnswer({ columns, rows }) {
      const last = rows[rows.length - 1] ?? columns.map(() => null);
      const shown = columns.map((column, place) => ({ ...column, value: last[place] })).filter(({ type }) => type !== "time");
      setList(
        list, shown, ({ name }) => name,
        ({ name }) => html("div", {}, html("dd"), html("dt", {}, name)),
        (cell, { value }) => setText(cell.firstChild, typeof value === "string" ? value : `${number(value)} ${panel.unit}`.trim()),
      );
    },
    destroy() {},
  };
}

/** @param {any} value @param {string} type */
function cellText(value, type) {
  if (value === null || value === undefined) return "–";
  if (type === "time") return dayAndTime(value);
  if (typeof value === "number") return number(value);
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

/** @param {HTMLElement} parent @param {Panel} panel @returns {Renderer} */
function table(parent, panel) {
  const head = html("tr");
  const body = html("tbody");
  parent.classList.add("scrolls");
  setAttribute(parent, "tabindex", "0");
  setAttribute(parent, "role", "region");
  setAttribute(parent, "aria-label", panel.title);
  parent.append(html("table", {}, html("thead", {}, head), body));
  return {
    setAnswer({ columns, rows }) {
      setList(head, columns, ({ name }) => name, ({ name }) => html("th", { scope: "col" }, name), () => {});
      const shown = rows.slice(0, TABLE_ROWS_MAX).map((cells, place) => ({ cells, place }));
      setList(
        body, shown, ({ place }) => `${place} ${columns.length}`,
        () => html("tr", {}, ...columns.map(({ type }) => html("td", { class: type }))),
        (row, { cells }) => columns.forEach(({ type }, place) => setText(row.children[place], cellText(cells[place], type))),
      );
    },
    destroy() {},
  };
}

/** @param {HTMLElement} parent @param {Panel} panel @returns {Renderer} */
function bars(parent, panel) {
  const list = html("ul", { class: "bars" });
  parent.append(list);
  return {
    setAnswer({ columns, rows }) {
      const amount = columns.findIndex(({ type }) => type === "number");
      const name = columns.findIndex(({ type }) => type !== "number" && type !== "time");
      const shown = rows.map((row, place) => ({ name: name < 0 ? String(place + 1) : String(row[name]), value: row[amount] ?? 0 }));
      const largest = Math.max(...shown.map(({ value }) => Math.abs(value)), Number.MIN_VALUE);
      setList(
        list, shown, (bar) => bar.name,
        (bar) => html("li", {}, html("span", { class: "bar-words" }, bar.name), html("span", { class: "bar-track", "aria-hidden": "true" }, html("span", { class: "bar" })), html("span", { class: "bar-amount" })),
        (row, { value }) => {
          row.children[1].firstChild.style.width = `${(100 * Math.abs(value)) / largest}%`;
          setText(row.children[2], `${number(value)} ${panel.unit}`.trim());
        },
      );
    },
    destroy() {},
  };
}

const KINDS = [
  ["alarm", /alarm|unack|shutdown|shut down|failed|trip/i],
  ["unusual", /unusual|shelved/i],
  ["unjudged", /transition|warming|learning/i],
  ["none", /^$|^none$|no_data/i],
];

/** @param {string} word how a state is coloured; its word is always written beside */
function stateKind(word) {
  return KINDS.find(([, words]) => /** @type {RegExp} */ (words).test(word))?.[0] ?? "normal";
}

/**
 * Runs of equal states by series; a state holds until the next one.
 *
 * @param {any[][]} rows time, series, state
 * @param {[number, number]} span
 */
function runsBySeries(rows, [from, to]) {
  /** @type {Map<string, {start: number, end: number, word: string}[]>} */
  const series = new Map();
  for (const [time, name, state] of rows) {
    const word = cellText(state, "text");
    const runs = series.get(name) ?? [];
    const last = runs[runs.length - 1];
    if (last) last.end = Math.max(time, from);
    if (last?.word !== word) runs.push({ start: Math.max(time, from), end: to, word });
    else last.end = to;
    series.set(name, runs);
  }
  return [...series].map(([name, runs]) => ({ name, runs: runs.filter(({ start, end }) => end > start) }));
}

/** @param {HTMLElement} parent @param {Panel} panel @returns {Renderer} */
function state(parent, panel) {
  const list = html("ul", { class: "states", "aria-label": panel.title });
  const ends = html("div", { class: "states-ends", "aria-hidden": "true" }, html("span"), html("span"));
  parent.append(list, ends);
  return {
    setAnswer({ rows }, span) {
      const shown = runsBySeries(rows, span);
      setList(
        list, shown, ({ name }) => name,
        ({ name }) => html("li", {}, html("span", { class: "states-name" }, name), svg("svg", { class: "states-track", viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true" }), html("span", { class: "states-now" })),
        (row, line) => fillStates(row, line.runs, span),
      );
      setText(ends.children[0], clock(span[0]));
      setText(ends.children[1], clock(span[1]));
    },
    destroy() {},
  };
}

/**
 * @param {any} row
 * @param {{start: number, end: number, word: string}[]} found
 * @param {[number, number]} span
 */
function fillStates(row, found, [from, to]) {
  const [, track, now] = row.children;
  const scale = 1000 / (to - from);
  setText(now, found[found.length - 1]?.word.replaceAll("_", " ") ?? "–");
  setList(
    track, found.map((run, place) => ({ ...run, place })), ({ place }) => String(place),
    () => svg("rect", { y: 0, height: 10 }, svg("title")),
    (rect, { start, end, word }) => {
      setAttribute(rect, "x", ((start - from) * scale).toFixed(1));
      setAttribute(rect, "width", Math.max((end - start) * scale, 1).toFixed(1));
      setAttribute(rect, "data-kind", stateKind(word));
      setText(rect.firstChild, `${word}, ${clock(start)} to ${clock(end)}`);
    },
  );
}
