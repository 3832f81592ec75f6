/** The flow sheet: every variable at its place, units and variables marked where they deviate. */

import { html, setAttribute, setText, svg } from "./dom.js";
import { labels, machines, pipes, valve, vessel } from "./drawing.js";
import * as layout from "./layout.js";
import { pValue, reading, sentence, shortUnit } from "./words.js";

const CHIP_HEIGHT = 24;
const CHIP_WIDTH = 126;
const VALVE_WIDTH = 76;
const CELL = { width: 91, height: 25 };
const FULLY_OPEN = 100;
const UNIT_WORDS = { normal: "normal", unusual: "unusual", alarm: "ALARM", unknown: "" };

/**
 * How a unit stands: an alarm is active and the unit is that unlikely, or is the alarm's.
 *
 * @param {import("./types.js").Plant} plant
 * @param {string} unit
 * @param {{flagged: number, alarm: number}} limits
 * @returns {"unknown"|"normal"|"unusual"|"alarm"}
 */
export function unitState(plant, unit, limits) {
  const score = plant.monitor?.units[unit];
  const active = plant.alarms.find((alarm) => alarm.alarm === plant.monitor?.alarm);
  const p = score?.p_value ?? null;
  if (plant.monitor?.alarm && ((p !== null && p < limits.alarm) || active?.unit === unit)) return "alarm";
  if (p === null) return "unknown";
  return p < limits.flagged ? "unusual" : "normal";
}

/** The drawing of one plant; `update` brings it to a snapshot. */
export class FlowSheet {
  /**
   * @param {HTMLElement} parent
   * @param {import("./types.js").Catalogue} catalogue
   * @param {import("./words.js").Names} names
   */
  constructor(parent, catalogue, names) {
    this.limits = catalogue.limits;
    this.names = names;
    /** @type {import("./types.js").Plant|null} */
    this.plant = null;
    /** @type {Chip[]} */
    this.chips = [];
    this.zones = layout.ZONES.map(zone);
    this.vessels = layout.VESSELS.map((place) => ({ place, ...vessel(place) }));
    this.tip = html("div", { class: "tip", "aria-hidden": "true", hidden: true });
    this.values = svg("g", {
      role: "group",
      "aria-label": "Values on the flow sheet; the arrow keys go from one to the next",
    });
    this.addValues();
    this.drawing = svg(
      "svg",
      { class: "flowsheet", viewBox: `0 0 ${layout.SIZE.width} ${layout.SIZE.height}`, role: "group",
        "aria-label": "Flow sheet of the plant" },
      ...this.zones.map((drawn) => drawn.element),
      pipes(),
      ...this.vessels.map((drawn) => drawn.element),
      machines(),
      ...layout.VALVES.map(valve),
      labels(),
      this.values,
    );
    this.parent = parent;
    parent.append(this.drawing, this.tip);
    this.listen();
  }

  addValues() {
    for (const { tag, letter, x, y } of layout.VALUES) this.add(tag, letter, x, y, CHIP_WIDTH);
    for (const { tag, at } of [...layout.VALVES, layout.AGITATOR]) {
      this.add(tag, "", at[0] - VALVE_WIDTH / 2, at[1], VALVE_WIDTH);
    }
    for (const analyser of layout.ANALYSERS) this.addAnalyser(analyser);
    this.chips[0].element.setAttribute("tabindex", "0");
  }

  /** @param {string} id @param {string} letter @param {number} x @param {number} y @param {number} width */
  add(id, letter, x, y, width, showsUnit = true) {
    const tag = this.names.tags.get(id);
    if (!tag) return;
    const chip = new Chip(tag, letter, x, y, width, showsUnit);
    this.chips.push(chip);
    this.values.append(chip.element);
  }

  /** @param {typeof layout.ANALYSERS[number]} analyser */
  addAnalyser({ title, x, y, columns, first, last }) {
    const rows = Math.ceil((last - first + 1) / columns);
    const width = columns * CELL.width + 11;
    const height = rows * CELL.height + 32;
    this.values.append(
      svg("rect", { class: "analyser", x, y, width: Math.max(width, title.length * 7.7 + 16), height, rx: 4 }),
      svg("text", { class: "word", x: x + 8, y: y + 18 }, title),
    );
    for (let number = first; number <= last; number += 1) {
      const place = number - first;
      const left = x + 8 + Math.floor(place / rows) * CELL.width;
      const middle = y + 40 + (place % rows) * CELL.height;
      const component = this.names.tags.get(`xmeas_${number}`)?.title.slice(-1) ?? "";
      this.add(`xmeas_${number}`, component, left, middle, CELL.width - 4, false);
    }
  }

  listen() {
    const chipOf = (/** @type {Event} */ event) => {
      const element = event.target instanceof Element ? event.target.closest(".chip") : null;
      return this.chips.find((chip) => chip.element === element);
    };
    // On the frame: Chromium lets Tab stop at a part of a drawing that listens for the focus.
    for (const entered of ["pointerover", "focusin"]) {
      this.parent.addEventListener(entered, (event) => this.explain(chipOf(event)));
    }
    for (const left of ["pointerleave", "focusout"]) {
      this.parent.addEventListener(left, () => this.explain(undefined));
    }
    this.parent.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.explain(undefined);
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const chip = chipOf(event);
      if (!step || !chip) return;
      event.preventDefault();
      const place = (this.chips.indexOf(chip) + step + this.chips.length) % this.chips.length;
      chip.element.setAttribute("tabindex", "-1");
      this.chips[place].element.setAttribute("tabindex", "0");
      this.chips[place].element.focus();
    });
  }

  /** @param {Chip|undefined} chip whose details are shown; none hides them */
  explain(chip) {
    this.explained = chip;
    this.tip.hidden = !chip;
    if (!chip) return;
    this.fillTip(chip);
    const [box, frame] = [chip.element.getBoundingClientRect(), this.parent.getBoundingClientRect()];
    const right = frame.width - this.tip.offsetWidth - 4;
    const left = Math.min(Math.max(box.left - frame.left, 4), Math.max(right, 4));
    const below = box.bottom - frame.top + 6;
    const fits = below + this.tip.offsetHeight < frame.height;
    const top = fits ? below : box.top - frame.top - this.tip.offsetHeight - 6;
    this.tip.style.transform = `translate(${left + this.parent.scrollLeft}px, ${top}px)`;
  }

  /** @param {Chip} chip */
  fillTip(chip) {
    const { tag } = chip;
    const lines = [
      `${reading(chip.value, tag.normal)} ${tag.unit}, normally ${reading(tag.normal, tag.normal)}`,
      ...(chip.finding ? [sentence(chip.finding)] : []),
      `${tag.id} · ${this.names.area(tag.area)}`,
    ];
    this.tip.replaceChildren(html("strong", {}, tag.title), ...lines.map((line) => html("div", {}, line)));
    chip.element.setAttribute("aria-label", [tag.title, ...lines].join(", "));
  }

  /** @param {import("./types.js").Plant} plant */
  update(plant) {
    this.plant = plant;
    for (const drawn of this.zones) {
      drawn.update(unitState(plant, drawn.unit, this.limits), plant.monitor?.units[drawn.unit]?.p_value);
    }
    for (const { place, setLevel } of this.vessels) setLevel(plant.values[place.level]);
    const active = plant.alarms.find((alarm) => alarm.alarm === plant.monitor?.alarm);
    const now = plant.monitor?.contributions ?? [];
    const blamed = plant.monitor?.alarm ? (now.length ? now : active?.contributions ?? []) : [];
    const shares = new Map(blamed.map(({ tag, share }) => [tag, share]));
    const failures = new Map(plant.sensors.map(({ tag, failure }) => [tag, failure]));
    for (const chip of this.chips) {
      const { id } = chip.tag;
      chip.update(plant.values[id], shares.get(id) ?? 0, failures.get(id));
    }
    if (this.explained) this.fillTip(this.explained);
  }
}

/** A variable's value in its frame. */
class Chip {
  /**
   * @param {import("./types.js").Tag} tag
   * @param {string} letter what it measures
   * @param {number} x left edge
   * @param {number} y middle
   * @param {number} width
   * @param {boolean} showsUnit
   */
  constructor(tag, letter, x, y, width, showsUnit) {
    this.tag = tag;
    /** @type {number|null|undefined} */
    this.value = undefined;
    this.finding = "";
    this.scale = tag.kind === "valve" ? FULLY_OPEN : tag.normal;
    const unit = showsUnit ? shortUnit(tag.unit) : "";
    this.text = svg("tspan", { class: "number" }, "–");
    this.mark = svg("text", { class: "mark", x: -2, y: CHIP_HEIGHT / 2 + 5 });
    this.element = svg(
      "g",
      { class: "chip", transform: `translate(${x} ${y - CHIP_HEIGHT / 2})`, role: "img", tabindex: "-1",
        "data-tag": tag.id, "aria-label": `${tag.title}, ${tag.unit}` },
      svg("rect", { width, height: CHIP_HEIGHT, rx: 4 }),
      svg("text", { class: "letter", x: 7, y: 17 }, letter),
      svg("text", { class: "amount", x: width - 6, y: 17 }, this.text, svg("tspan", { class: "unit" }, unit && ` ${unit}`)),
      this.mark,
    );
  }

  /** @param {number|null|undefined} value @param {number} share @param {string|undefined} failure */
  update(value, share, failure) {
    if (value !== this.value) {
      this.value = value;
      setText(this.text, reading(value, this.scale));
    }
    const missing = value === null || value === undefined;
    const state = failure ? "failed" : missing ? "missing" : share > 0 ? "high" : share < 0 ? "low" : "";
    if (state === (this.element.dataset.state ?? "")) return;
    this.finding = failure ? `sensor failed: ${failure.replaceAll("_", " ")}` : STATE_WORDS[state];
    if (state) this.element.dataset.state = state;
    else delete this.element.dataset.state;
    setText(this.mark, MARKS[state]);
  }
}

const MARKS = { "": "", high: "▲", low: "▼", failed: "✕", missing: "?" };
const STATE_WORDS = { "": "", high: "too high", low: "too low", failed: "", missing: "missing" };

/** @param {typeof layout.ZONES[number]} place the ground a unit stands on, with its state in a word */
function zone({ unit, title, x, y, width, height, titleX }) {
  const badge = svg("text", { class: "zone-state", x: x + width - 9, y: y + 20 });
  const hint = svg("title");
  const element = svg(
    "g",
    { class: "zone", "data-unit": unit },
    hint,
    svg("rect", { x, y, width, height, rx: 8 }),
    svg("text", { class: "zone-title", x: titleX ?? x + 10, y: y + 20 }, title),
    badge,
  );
  return {
    unit,
    element,
    /** @param {keyof typeof UNIT_WORDS} state @param {number|undefined} p */
    update(state, p) {
      setAttribute(element, "data-state", state);
      setText(badge, UNIT_WORDS[state]);
      setText(hint, p === undefined ? title : `${title}: ${UNIT_WORDS[state]}, p-value ${pValue(p)}`);
    },
  };
}
