/** The monitor of the plant that is shown, in words: state, causes, suspects, failed sensors. */

import { byId, html, setAttribute, setList, setText, show } from "./dom.js";
import { number, pValue, percent, sentence } from "./words.js";

const BARS_MAX = 8;
const SUSPECTS_MAX = 3;
const STATES = {
  learning: "Learning what is normal; nothing is judged yet",
  monitoring: "Normal operation",
  transition: "The plant settles after a change; nothing is judged meanwhile",
};

/** @param {import("./types.js").Plant} plant @param {{flagged: number}} limits */
export function stateOf(plant, limits) {
  const { monitor } = plant;
  if (!monitor) return { kind: "unknown", words: "No word from the monitor yet" };
  if (monitor.alarm) return { kind: "alarm", words: "Alarm: abnormal operation" };
  if (monitor.state === "monitoring" && monitor.p_value !== null && monitor.p_value < limits.flagged) {
    return { kind: "unusual", words: "Unusual, not enough for an alarm" };
  }
  return { kind: monitor.state === "monitoring" ? "normal" : "unknown", words: STATES[monitor.state] ?? sentence(monitor.state) };
}

/** The words beside the flow sheet. */
export class Status {
  /** @param {import("./types.js").Catalogue} catalogue @param {import("./words.js").Names} names */
  constructor(catalogue, names) {
    this.limits = catalogue.limits;
    this.stages = catalogue.stages;
    this.names = names;
  }

  /** @param {import("./types.js").Plant} plant */
  update(plant) {
    const state = stateOf(plant, this.limits);
    setAttribute(byId("state"), "data-state", state.kind);
    setText(byId("state-words"), state.words);
    setText(byId("p-value"), pValue(plant.monitor?.p_value));
    const clock = plant.process_hours === null ? "" : `, process time ${plant.process_hours.toFixed(2)} h`;
    const down = plant.state && plant.state !== "running" ? `, ${plant.state}` : "";
    setText(byId("plant-words"), `${plant.plant}, run ${plant.run}${clock}${down}`);
    this.updateScores(plant);
    this.updateContributions(plant.monitor?.contributions ?? []);
    this.updateSuspects(plant.monitor?.suspects ?? []);
    this.updateSensors(plant.sensors);
  }

  /** @param {import("./types.js").Plant} plant */
  updateScores(plant) {
    setList(
      byId("scores"), this.stages, (stage) => stage,
      (stage) => html("div", {}, html("dt", {}, this.names.area(stage)), html("dd")),
      (row, stage) => {
        const score = plant.scores[stage];
        const state = score && score.state !== "scored" ? ` (${score.state.replaceAll("_", " ")})` : "";
        setText(row.lastChild, score ? `${number(score.score)}${state}` : "–");
      },
    );
  }

  /** @param {import("./types.js").Contribution[]} contributions */
  updateContributions(contributions) {
    const shown = contributions.slice(0, BARS_MAX);
    show(byId("no-contributions"), shown.length === 0);
    setList(
      byId("contributions"), shown, ({ tag }) => tag,
      () => html("li", {}, html("span", { class: "bar-words" }), html("span", { class: "bar-track", "aria-hidden": "true" }, html("span", { class: "bar" })), html("span", { class: "bar-amount" })),
      (row, contribution) => {
        const [words, track, amount] = row.children;
        const high = contribution.share > 0;
        setAttribute(row, "data-state", high ? "high" : "low");
        setText(words, this.names.contribution(contribution));
        setText(amount, `${high ? "▲ too high" : "▼ too low"} ${percent(Math.abs(contribution.share))}`);
        track.firstChild.style.width = percent(Math.min(Math.abs(contribution.share), 1)).replace(" ", "");
      },
    );
  }

  /** @param {import("./types.js").Suspect[]} suspects */
  updateSuspects(suspects) {
    show(byId("suspects-part"), suspects.length > 0);
    setList(
      byId("suspects"), suspects.slice(0, SUSPECTS_MAX), ({ idv }) => String(idv),
      () => html("li"),
      (row, suspect) => {
        const first = suspect === suspects[0] ? "Most like " : "or ";
        setText(row, first + this.names.suspect(suspect));
      },
    );
  }

  /** @param {{tag: string, failure: string}[]} sensors */
  updateSensors(sensors) {
    show(byId("sensors-part"), sensors.length > 0);
    setList(
      byId("sensors"), sensors, ({ tag, failure }) => `${tag} ${failure}`,
      ({ tag, failure }) => html("li", {}, `${this.names.tags.get(tag)?.title ?? tag}: ${failure.replaceAll("_", " ")}`),
      () => {},
    );
  }
}
