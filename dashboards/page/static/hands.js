/** The operator's hands: disturbances in and out, set-points; what came of it is said. */

import { byId, html, setList, setText, show } from "./dom.js";
import { Refused, act } from "./server.js";
import { number, sentence } from "./words.js";

/** Disturbances and set-points of the plant that is shown. */
export class Hands {
  /**
   * @param {import("./types.js").Catalogue} catalogue
   * @param {import("./words.js").Names} names
   * @param {() => string} plantOf name of the plant that is shown
   */
  constructor(catalogue, names, plantOf) {
    this.names = names;
    this.plantOf = plantOf;
    this.canSteer = catalogue.can_steer;
    show(byId("steering"), this.canSteer);
    show(byId("cannot-steer"), !this.canSteer);
    byId("disturbance").append(
      ...catalogue.disturbances.map(({ number, title, kind }) =>
        html("option", { value: number }, `IDV ${number}, ${title} (${kind})`),
      ),
    );
    byId("inject-form").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      this.do(byId("inject"), { do: "inject", idv: Number(byId("disturbance").value) });
    });
    byId("clear").addEventListener("click", () =>
      this.do(byId("clear"), { do: "clear", idv: Number(byId("disturbance").value) }),
    );
    this.setpoints = catalogue.setpoints.map((setpoint) => this.makeSetpoint(setpoint));
    byId("setpoints").append(...this.setpoints.map(({ row }) => row));
    show(byId("setpoints-part"), this.setpoints.length > 0);
  }

  /**
   * Asks for an action in the plant that is shown and says what came of it.
   *
   * @param {HTMLButtonElement} button waits meanwhile
   * @param {Record<string, any>} action
   */
  async do(button, action) {
    if (button.getAttribute("aria-disabled") === "true") return;
    // Not `disabled`, which would take the keyboard's focus away.
    button.setAttribute("aria-disabled", "true");
    try {
      const { said } = await act({ ...action, plant: this.plantOf() });
      say(`${sentence(said)}.`.replace(/\.\.$/, "."), false);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      say(error.message, true);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  }

  /** @param {import("./types.js").Setpoint} setpoint */
  makeSetpoint({ name, low, high, unit }) {
    const id = `setpoint-${name}`;
    const title = sentence(name.replaceAll("-", " "));
    const now = html("span", { class: "setpoint-now" }, "–");
    const range = html("span", { class: "setpoint-range", id: `${id}-range` }, `${number(low)} to ${number(high)} ${unit}`);
    const input = html("input", { id, type: "number", min: low, max: high, step: "any", required: true, "aria-describedby": `${id}-range` });
    const button = html("button", { type: "submit", "aria-label": `Set ${title.toLowerCase()}` }, "Set");
    const row = html(
      "form", { class: "setpoint" },
      html("label", { for: id }, title), now, range, input, button,
    );
    row.addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      this.do(button, { do: "setpoint", name, value: input.valueAsNumber });
    });
    return { name, unit, now, row };
  }

  /** @param {import("./types.js").Plant} plant */
  update(plant) {
    for (const { name, unit, now } of this.setpoints) {
      const value = plant.setpoints[name];
      setText(now, value === undefined ? "–" : `${number(value)} ${unit}`);
    }
    show(byId("no-disturbances"), plant.disturbances.length === 0);
    setList(byId("active"), plant.disturbances, String, (idv) => this.makeChip(idv), () => {});
  }

  /** @param {number} idv */
  makeChip(idv) {
    const words = this.names.disturbance(idv);
    const chip = html("li", { class: "active-disturbance" }, html("span", {}, words));
    if (this.canSteer) {
      const button = html("button", { type: "button", "aria-label": `Clear ${words}` }, "✕");
      button.addEventListener("click", () => this.do(button, { do: "clear", idv }));
      chip.append(button);
    }
    return chip;
  }
}

/** @param {string} words @param {boolean} failed */
function say(words, failed) {
  const region = byId("said");
  region.classList.toggle("failed", failed);
  setText(region, "");
  // A line that is said twice is read out twice only if the region was empty between.
  requestAnimationFrame(() => setText(region, words));
}
