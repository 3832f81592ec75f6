/** One dashboard of the catalogue: its panels in a grid, asked for while they can be seen. */

import { remember, remembered } from "./address.js";
import { html, setText, show } from "./dom.js";
import { hasData, renderer } from "./panels.js";
import * as server from "./server.js";

const FRESH_MS = 2_000;
// A long range moves a pixel in minutes: asking more often than this shows nothing new.
const FRESH_MAX_MS = 30_000;
// Browsers keep six connections to a server; the snapshots hold one, the operator needs one.
const REQUESTS_MAX = 4;
const POINTS = 300;

/**
 * @typedef {{panel: import("./types.js").Panel, fixed: Record<string, string>, card: HTMLElement, error: HTMLElement,
 *   renderer: import("./panels.js").Renderer, visible: boolean, busy: boolean,
 *   askedAt: number}} Slot
 */

/** The open dashboard; `destroy` gives up requests and charts. */
export class DashboardView {
  /**
   * @param {HTMLElement} parent
   * @param {import("./types.js").Dashboard} dashboard
   * @param {{plant: () => string, rangeMs: () => number, now: () => number}} context
   */
  constructor(parent, dashboard, context) {
    this.parent = parent;
    this.dashboard = dashboard;
    this.context = context;
    this.stopped = new AbortController();
    this.requests = 0;
    this.annotationsAskedAt = -Infinity;
    this.watch = new IntersectionObserver((entries) => this.see(entries), { rootMargin: "100px" });
    /** @type {Slot[]} */
    this.slots = [];
    this.build();
  }

  build() {
    const { title, description, variables, panels } = this.dashboard;
    const choices = html("div", { class: "variables" }, ...variables.filter(({ name }) => name !== "plant").map((variable) => this.choice(variable)));
    this.parent.append(
      html("header", { class: "dashboard-head" }, html("h2", {}, title), html("p", {}, description), choices),
    );
    let row = "";
    let grid = html("div", { class: "grid" });
    this.parent.append(grid);
    for (const panel of panels) {
      if (panel.row !== row) {
        row = panel.row;
        grid = html("div", { class: "grid" });
        this.parent.append(...section(row, panel.folded, grid));
      }
      for (const fixed of this.repeats(panel)) grid.append(this.slot(panel, fixed).card);
    }
  }

  /**
   * What is fixed of the variables in each copy of a panel; most have one copy, nothing fixed.
   *
   * @param {import("./types.js").Panel} panel
   * @returns {Record<string, string>[]}
   */
  repeats({ each }) {
    if (!each) return [{}];
    const options = this.dashboard.variables.find(({ name }) => name === each)?.options ?? [];
    return options.map((value) => ({ [each]: value }));
  }

  /** @param {import("./types.js").Variable} variable */
  choice({ name, label, options }) {
    const select = html(
      "select", { "data-variable": name },
      html("option", { value: "" }, "All"), ...options.map((option) => html("option", {}, option)),
    );
    const kept = remembered(`var-${name}`);
    if (kept && options.includes(kept)) select.value = kept;
    select.addEventListener("change", () => {
      remember(`var-${name}`, select.value);
      this.renew();
    });
    return html("label", {}, `${label} `, select);
  }

  /** @param {import("./types.js").Panel} panel @param {Record<string, string>} fixed */
  slot(panel, fixed) {
    const body = html("div", { class: `panel-body ${panel.kind}` });
    const title = [panel.title, ...Object.values(fixed)].join(", ").replaceAll("_", " ");
    const error = html("p", { class: "panel-error", hidden: true });
    const card = html("section", { class: "panel", "data-panel": panel.id, "aria-label": title });
    const unit = panel.unit ? html("span", { class: "panel-unit" }, ` ${panel.unit}`) : "";
    const head = html("h4", {}, title, unit);
    const explains = panel.description && hasData(panel.kind);
    const about = explains
      ? [html("details", {}, html("summary", { "aria-label": `About ${title}` }, "?"), html("p", {}, panel.description))]
      : [];
    card.append(html("header", {}, head, ...about), error, body);
    card.style.setProperty("--width", String(panel.width));
    card.style.setProperty("--height", String(panel.height));
    const slot = { panel, fixed, card, error, renderer: renderer(body, { ...panel, title }), visible: false, busy: false, askedAt: -Infinity };
    this.slots.push(slot);
    this.watch.observe(card);
    return slot;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  see(entries) {
    for (const entry of entries) {
      const slot = this.slots.find(({ card }) => card === entry.target);
      if (slot) slot.visible = entry.isIntersecting;
    }
    this.refresh();
  }

  /** Everything is asked for again, at once: plant, range or a variable is another. */
  renew() {
    this.stopped.abort();
    this.stopped = new AbortController();
    for (const slot of this.slots) Object.assign(slot, { busy: false, askedAt: -Infinity });
    this.requests = 0;
    this.annotationsAskedAt = -Infinity;
    this.refresh();
  }

  freshMs() {
    return Math.min(Math.max(this.context.rangeMs() / POINTS, FRESH_MS), FRESH_MAX_MS);
  }

  /** Asks for the panels that are seen and old enough, a few at a time. */
  refresh() {
    if (document.hidden) return;
    const now = performance.now();
    const due = this.slots
      .filter(({ panel, visible, busy, askedAt }) => hasData(panel.kind) && visible && !busy && now - askedAt >= this.freshMs())
      .sort((one, other) => one.askedAt - other.askedAt);
    for (const slot of due.slice(0, REQUESTS_MAX - this.requests)) this.ask(slot);
    if (now - this.annotationsAskedAt >= this.freshMs()) this.askAnnotations();
  }

  query() {
    const to = Math.round(this.context.now());
    const chosen = [...this.parent.querySelectorAll("select")].map((select) => [select.dataset.variable, select.value]);
    const plant = this.context.plant();
    return {
      dashboard: this.dashboard.id, from_ms: to - this.context.rangeMs(), to_ms: to,
      ...(plant && { plant }), ...Object.fromEntries(chosen.filter(([, value]) => value)),
    };
  }

  /** @param {Slot} slot */
  async ask(slot) {
    const { signal } = this.stopped;
    const query = this.query();
    Object.assign(slot, { busy: true, askedAt: performance.now() });
    this.requests += 1;
    slot.card.setAttribute("aria-busy", "true");
    try {
      const answer = await server.panel({ ...query, ...slot.fixed, panel: slot.panel.id, points: POINTS }, signal);
      if (signal.aborted) return;
      slot.renderer.setAnswer(answer, [query.from_ms, query.to_ms]);
      show(slot.error, false);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof server.Refused)) throw error;
      setText(slot.error, error.message);
      show(slot.error, true);
    } finally {
      if (!signal.aborted) {
        slot.busy = false;
        this.requests -= 1;
        slot.card.removeAttribute("aria-busy");
        // Panels that had to wait for a free request go now; the others are not due yet.
        queueMicrotask(() => this.refresh());
      }
    }
  }

  async askAnnotations() {
    const { signal } = this.stopped;
    this.annotationsAskedAt = performance.now();
    try {
      const annotations = await server.annotations(this.query(), signal);
      if (signal.aborted) return;
      for (const { renderer } of this.slots) renderer.setAnnotations?.(annotations);
    } catch (error) {
      // The panels say why the server does not answer; without them lines are only missing.
      if (!signal.aborted && !(error instanceof server.Refused)) throw error;
    }
  }

  destroy() {
    this.stopped.abort();
    this.watch.disconnect();
    for (const { renderer } of this.slots) renderer.destroy();
    this.parent.replaceChildren();
  }
}

/**
 * A row's heading and panels. What is folded is not seen, and so asks for nothing.
 *
 * @param {string} title
 * @param {boolean} folded
 * @param {HTMLElement} grid
 * @returns {HTMLElement[]}
 */
function section(title, folded, grid) {
  if (folded) return [html("details", { class: "row" }, html("summary", {}, title), grid)];
  return title ? [html("h3", { class: "row-title" }, title), grid] : [grid];
}
