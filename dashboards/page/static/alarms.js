/** The list of alarms, what an operator does about them, and their announcement. */

import { byId, html, setAttribute, setList, setText, show } from "./dom.js";
import { clock, hours, sentence } from "./words.js";

const STATES = {
  unacknowledged: "Active, unacknowledged",
  acknowledged: "Active, acknowledged",
  cleared_unacknowledged: "Over, unacknowledged",
  closed: "Closed",
};
const WAITING = new Set(["unacknowledged", "cleared_unacknowledged"]);

/** Alarms of the plant that is shown; new alarms of every plant are announced. */
export class Alarms {
  /**
   * @param {import("./types.js").Catalogue} catalogue
   * @param {import("./words.js").Names} names
   * @param {(button: HTMLButtonElement, action: Record<string, any>) => void} act
   */
  constructor(catalogue, names, act) {
    this.names = names;
    this.act = act;
    this.canOperate = catalogue.can_operate;
    /** @type {Map<string, boolean>|null} alarms that were announced, and whether with a name */
    this.announced = null;
    byId("acknowledge-all").addEventListener("click", (/** @type {any} */ event) =>
      act(event.currentTarget, { do: "acknowledge", alarm: null }),
    );
    byId("shelve").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const field = byId("shelve-hours");
      act(byId("shelve-button"), { do: "shelve", hours: field.valueAsNumber });
    });
    show(byId("alarm-hands"), this.canOperate);
    show(byId("cannot-operate"), !this.canOperate);
  }

  /** @param {import("./types.js").Plant} plant */
  update(plant) {
    show(byId("no-alarms"), plant.alarms.length === 0);
    const waiting = plant.alarms.filter(({ state }) => WAITING.has(state)).length;
    setText(byId("waiting-count"), waiting ? `${waiting} to acknowledge` : "");
    byId("acknowledge-all").disabled = waiting === 0;
    setList(byId("alarms"), plant.alarms, ({ alarm }) => alarm, () => this.make(), (row, alarm) => this.fill(row, alarm));
  }

  make() {
    const button = html("button", { type: "button", class: "acknowledge" }, "Acknowledge");
    button.addEventListener("click", () =>
      this.act(button, { do: "acknowledge", alarm: button.closest("li").dataset.alarm }),
    );
    return html(
      "li", {},
      html("div", { class: "alarm-cause" }), html("div", { class: "alarm-state" }),
      html("div", { class: "alarm-facts" }), button,
    );
  }

  /** @param {any} row @param {import("./types.js").Alarm} alarm */
  fill(row, alarm) {
    const [cause, state, facts, button] = row.children;
    const shelved = alarm.shelved ? ", shelved" : "";
    setAttribute(row, "data-alarm", alarm.alarm);
    setAttribute(row, "data-state", alarm.state);
    setText(cause, this.names.cause(alarm));
    setText(state, (STATES[alarm.state] ?? sentence(alarm.state)) + shelved);
    setText(
      facts,
      `${this.names.area(alarm.unit)} · since ${clock(alarm.onset_ms)}, ` +
        `${alarm.onset_hours.toFixed(2)} h on the plant's clock · lasts ${hours(alarm.duration_hours)}`,
    );
    setAttribute(button, "aria-label", `Acknowledge the alarm of ${clock(alarm.onset_ms)}`);
    show(button, this.canOperate && WAITING.has(alarm.state));
  }

  /** @param {import("./types.js").Plant[]} plants says alarms that are new, and names found later */
  announce(plants) {
    const known = new Map();
    const news = [];
    for (const plant of plants) {
      for (const alarm of plant.alarms) {
        if (alarm.state === "closed") continue;
        const named = alarm.suspects.length > 0;
        known.set(alarm.alarm, named);
        const before = this.announced?.get(alarm.alarm);
        if (before === undefined || (named && !before)) {
          news.push(`Alarm in ${plant.plant}, ${this.names.area(alarm.unit)}: ${this.names.cause(alarm)}.`);
        }
      }
    }
    if (news.length) setText(byId("announcement"), news.join(" "));
    this.announced = known;
  }
}
