/** The live page: asks for the catalogue, builds the views, hands them the snapshots. */

import { Alarms } from "./alarms.js";
import { remember, remembered } from "./address.js";
import { DashboardView } from "./dashboard.js";
import { byId, html, oncePerFrame, setAttribute, setList, setText, show } from "./dom.js";
import { FlowSheet } from "./flowsheet.js";
import { Hands } from "./hands.js";
import { LiveStream } from "./live.js";
import { Status, stateOf } from "./status.js";
import { Refused, catalogue as askCatalogue } from "./server.js";
import { Tabs } from "./tabs.js";
import { startTheme } from "./theme.js";
import { Trends } from "./trends.js";
import { Names, age } from "./words.js";

const PLANT_TAB = "live";
const DEFAULT_RANGE = "15";
const RETRY_MS = 3_000;
const MINUTE_MS = 60_000;

/** The page once the catalogue is known. */
class Page {
  /** @param {import("./types.js").Catalogue} catalogue */
  constructor(catalogue) {
    this.catalogue = catalogue;
    const names = new Names(catalogue);
    this.wanted = remembered("plant") ?? "";
    /** @type {import("./types.js").Snapshot|null} */
    this.snapshot = null;
    /** @type {DashboardView|null} */
    this.dashboard = null;
    this.clockAhead = 0;
    this.flowsheet = new FlowSheet(byId("flowsheet"), catalogue, names);
    this.status = new Status(catalogue, names);
    this.trends = new Trends(byId("trends"), catalogue, names);
    this.hands = new Hands(catalogue, names, () => this.plant()?.plant ?? this.wanted);
    this.alarms = new Alarms(catalogue, names, (button, action) => this.hands.do(button, action));
    setText(byId("database"), catalogue.database);
    this.startChoices();
    this.draw = oncePerFrame(() => this.update());
    new LiveStream(
      (snapshot) => this.hear(snapshot),
      (open, age) => this.sayConnection(open, age),
    );
  }

  startChoices() {
    byId("plant").addEventListener("change", () => {
      this.wanted = byId("plant").value;
      remember("plant", this.wanted);
      this.draw();
      this.dashboard?.renew();
    });
    const range = byId("range");
    const kept = remembered("range") ?? DEFAULT_RANGE;
    range.value = [...range.options].some(({ value }) => value === kept) ? kept : DEFAULT_RANGE;
    range.addEventListener("change", () => {
      remember("range", range.value);
      this.dashboard?.renew();
    });
    const entries = [
      { id: PLANT_TAB, title: "Plant", panel: "plant-view" },
      ...this.catalogue.dashboards.map(({ id, title }) => ({ id, title, panel: "dashboard-view" })),
    ];
    this.tabs = new Tabs(byId("tabs"), entries, (id) => this.open(id));
    this.tabs.select(remembered("tab") ?? PLANT_TAB);
  }

  /** @param {string} id of a tab */
  open(id) {
    remember("tab", id);
    this.dashboard?.destroy();
    this.dashboard = null;
    const view = byId("dashboard-view");
    const dashboard = this.catalogue.dashboards.find((known) => known.id === id);
    show(byId("plant-view"), !dashboard);
    show(view, Boolean(dashboard));
    show(byId("range-label"), Boolean(dashboard));
    if (!dashboard) return;
    setAttribute(view, "aria-labelledby", `tab-${id}`);
    this.dashboard = new DashboardView(view, dashboard, {
      plant: () => this.plant()?.plant ?? this.wanted,
      rangeMs: () => Number(byId("range").value) * MINUTE_MS,
      now: () => Date.now() + this.clockAhead,
    });
  }

  /** The plant that is shown: the chosen one, or the first. */
  plant() {
    const plants = this.snapshot?.plants ?? [];
    return plants.find(({ plant }) => plant === this.wanted) ?? plants[0];
  }

  /** @param {import("./types.js").Snapshot} snapshot */
  hear(snapshot) {
    this.snapshot = snapshot;
    this.clockAhead = snapshot.now_ms - Date.now();
    this.draw();
    this.dashboard?.refresh();
  }

  update() {
    const plant = this.plant();
    if (!this.snapshot) return;
    const { plants } = this.snapshot;
    show(byId("no-plants"), plants.length === 0);
    this.alarms.announce(plants);
    this.updateSelector();
    if (!plant) return;
    this.trends.update(plants, plant.plant);
    if (byId("plant-view").hidden) return;
    this.flowsheet.update(plant);
    this.status.update(plant);
    this.alarms.update(plant);
    this.hands.update(plant);
  }

  updateSelector() {
    const plants = this.snapshot?.plants ?? [];
    show(byId("plant-label"), plants.length > 1);
    setList(
      byId("plant"), plants, ({ plant }) => plant,
      ({ plant }) => html("option", { value: plant }),
      (option, plant) => {
        const { kind } = stateOf(plant, this.catalogue.limits);
        setText(option, kind === "alarm" ? `${plant.plant}: alarm` : plant.plant);
      },
    );
    const shown = this.plant()?.plant ?? "";
    if (byId("plant").value !== shown) byId("plant").value = shown;
  }

  /** @param {boolean} open @param {number|null} heard time since the last snapshot, ms */
  sayConnection(open, heard) {
    const banner = byId("banner");
    const old = heard === null ? "nothing has come yet" : `the values are ${age(heard)} old`;
    const stale = this.snapshot?.stale;
    show(banner, heard !== null ? !open || Boolean(stale) : !open);
    if (!open) setText(banner, `No connection to the server: ${old}. Trying again.`);
    else if (stale) setText(banner, `The stores do not answer: ${stale}`);
    document.body.classList.toggle("stale", !open || Boolean(stale));
    setAttribute(byId("connection"), "data-state", open && !stale ? "open" : "lost");
    setText(byId("connection-words"), !open ? "not connected" : stale ? "old values" : "live");
  }
}

async function start() {
  startTheme(byId("theme"));
  try {
    new Page(await askCatalogue());
    show(byId("starting"), false);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    setText(byId("starting"), `${error.message} Trying again.`);
    setTimeout(start, RETRY_MS);
  }
}

start();
