/** Numbers, times and findings in words. */

const DIGITS = 4;
const SMALL_DIGITS = 3;
const SMALLEST_SHOWN = 1e-4;
const LONGEST_DECIMALS = 4;

/**
 * A number with as many decimals as four digits of the normal value need (three, below 1), so
 * that it does not jump while it moves.
 *
 * @param {number|null|undefined} value
 * @param {number} normal
 */
export function reading(value, normal) {
  if (value === null || value === undefined) return "–";
  const magnitude = normal === 0 ? 0 : Math.floor(Math.log10(Math.abs(normal)));
  const digits = magnitude < 0 ? SMALL_DIGITS : DIGITS;
  return value.toFixed(Math.min(Math.max(digits - 1 - magnitude, 0), LONGEST_DECIMALS));
}

/** @param {number|null|undefined} value four significant digits */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value !== 0 && (Math.abs(value) < SMALLEST_SHOWN || Math.abs(value) >= 1e6)) {
    return value.toExponential(1);
  }
  return String(Number(value.toPrecision(DIGITS)));
}

/** @param {number|null|undefined} p */
export function pValue(p) {
  if (p === null || p === undefined) return "–";
  return p < SMALLEST_SHOWN ? p.toExponential(0) : String(Number(p.toPrecision(2)));
}

/** @param {number} share */
export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

/** @param {number} hours process time */
export function hours(hours) {
  if (hours < 1) return `${Math.round(hours * 60)} min`;
  return `${hours.toFixed(hours < 10 ? 1 : 0)} h`;
}

/** @param {number} milliseconds */
export function age(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** @param {number} milliseconds @returns {string} local time of day */
export function clock(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString("en-GB");
}

/** @param {number} milliseconds @returns {string} local day and time */
export function dayAndTime(milliseconds) {
  return `${new Date(milliseconds).toLocaleDateString("en-CA")} ${clock(milliseconds)}`;
}

/** @param {string} unit as short as the flow sheet needs it */
export function shortUnit(unit) {
  return unit === "kPa gauge" ? "kPa g" : unit;
}

/** @param {string} text with a capital */
export function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1).replaceAll("_", " ");
}

/** What the catalogue knows, by name. */
export class Names {
  /** @param {import("./types.js").Catalogue} catalogue */
  constructor(catalogue) {
    this.tags = new Map(catalogue.tags.map((tag) => [tag.id, tag]));
    this.disturbances = new Map(catalogue.disturbances.map((known) => [known.number, known]));
    this.areas = new Map(catalogue.areas.map((area) => [area.id, area.title]));
  }

  /** @param {string} id of a unit or stage */
  area(id) {
    return this.areas.get(id) ?? sentence(id);
  }

  /** @param {number} idv */
  disturbance(idv) {
    const known = this.disturbances.get(idv);
    return known ? `IDV ${idv}, ${known.title}` : `IDV ${idv}`;
  }

  /** @param {import("./types.js").Suspect} suspect */
  suspect(suspect) {
    return `${this.disturbance(suspect.idv)} (${percent(suspect.probability)})`;
  }

  /** @param {import("./types.js").Contribution} contribution in engineering words */
  contribution(contribution) {
    const tag = this.tags.get(contribution.tag);
    if (!tag) return contribution.tag;
    const [value, normal] = [number(contribution.value), number(contribution.normal)];
    return `${tag.title} ${value} ${tag.unit}, normally ${normal}`;
  }

  /** @param {import("./types.js").Alarm} alarm what it is most like, or what stands out */
  cause(alarm) {
    if (alarm.suspects.length) return `Most like ${this.suspect(alarm.suspects[0])}`;
    if (alarm.contributions.length) return this.contribution(alarm.contributions[0]);
    return "No cause found yet";
  }
}
