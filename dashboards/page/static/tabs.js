/** The tabs: arrows, Home and End move between them, as ARIA's pattern for tabs has it. */

import { html } from "./dom.js";

/** A tab for each of `entries`; `onSelect` gets the id of the one that is chosen. */
export class Tabs {
  /**
   * @param {HTMLElement} parent with role tablist
   * @param {{id: string, title: string, panel: string}[]} entries `panel` is an element's id
   * @param {(id: string) => void} onSelect
   */
  constructor(parent, entries, onSelect) {
    this.onSelect = onSelect;
    this.entries = entries;
    this.buttons = entries.map(({ id, title, panel }) => {
      const button = html("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": panel }, title);
      button.addEventListener("click", () => this.select(id));
      return button;
    });
    parent.append(...this.buttons);
    parent.addEventListener("keydown", (event) => this.move(event));
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const here = this.buttons.indexOf(/** @type {any} */ (event.target));
    const last = this.buttons.length - 1;
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: last }[event.key];
    if (here < 0 || to === undefined) return;
    event.preventDefault();
    const place = (to + this.buttons.length) % this.buttons.length;
    this.select(this.entries[place].id);
    this.buttons[place].focus();
  }

  /** @param {string} id an unknown one stands for the first */
  select(id) {
    const place = Math.max(this.entries.findIndex((entry) => entry.id === id), 0);
    this.buttons.forEach((button, other) => {
      button.setAttribute("aria-selected", String(other === place));
      button.setAttribute("tabindex", other === place ? "0" : "-1");
    });
    this.onSelect(this.entries[place].id);
  }
}
