/** The still parts of the flow sheet: pipes, vessels, machines, words. */

import { svg } from "./dom.js";
import * as layout from "./layout.js";

const ARROW = "M0 0 L10 5 L0 10 Z";

/** @returns {SVGElement} */
export function pipes() {
  const main = layout.PIPES.map((d) => svg("path", { class: "pipe", d, "marker-end": "url(#arrow)" }));
  const side = layout.SIDE_PIPES.map((d) =>
    svg("path", { class: "pipe thin", d, "marker-end": "url(#arrow)" }),
  );
  const samples = layout.SAMPLE_LINES.map((d) => svg("path", { class: "sample", d }));
  return svg("g", { "aria-hidden": "true" }, arrowHead(), ...samples, ...side, ...main);
}

function arrowHead() {
  const marker = svg("marker", {
    id: "arrow", viewBox: "0 0 10 10", refX: 8, refY: 5, markerWidth: 9, markerHeight: 9,
    markerUnits: "userSpaceOnUse", orient: "auto",
  });
  marker.append(svg("path", { class: "arrow", d: ARROW }));
  return svg("defs", {}, marker);
}

/** Stream numbers, names of feeds and products. */
export function labels() {
  const group = svg("g", { "aria-hidden": "true" });
  for (const { number, x, y } of layout.STREAMS) {
    group.append(
      svg("circle", { class: "stream", cx: x, cy: y, r: 11 }),
      svg("text", { class: "stream-number", x, y: y + 4.5 }, String(number)),
    );
  }
  for (const { text, x, y, width } of layout.SOURCES) {
    const tip = x + width;
    const outline = `M${x} ${y - 14} H${tip - 8} L${tip} ${y} L${tip - 8} ${y + 14} H${x} Z`;
    group.append(
      svg("path", { class: "source", d: outline }),
      svg("text", { class: "source-name", x: x + width / 2 - 3, y: y + 5.5 }, text),
    );
  }
  for (const { text, x, y, anchor } of layout.WORDS) {
    group.append(svg("text", { class: "word", x, y, "text-anchor": anchor }, text));
  }
  return group;
}

/**
 * A vessel with what stands in it; `setLevel` takes %.
 *
 * @param {{unit: string, x: number, y: number, width: number, height: number, round: number}} vessel
 * @returns {{element: SVGElement, setLevel: (level: number|null) => void}}
 */
export function vessel({ unit, x, y, width, height, round }) {
  const clip = `inside-${unit}`;
  const shape = { x, y, width, height, rx: round };
  const liquid = svg("rect", { class: "liquid", x, y, width, height });
  const element = svg(
    "g",
    { "aria-hidden": "true" },
    svg("clipPath", { id: clip }, svg("rect", shape)),
    svg("rect", { class: "vessel", ...shape }),
    svg("g", { "clip-path": `url(#${clip})` }, liquid),
    svg("rect", { class: "vessel-wall", ...shape }),
  );
  return {
    element,
    setLevel(level) {
      const filled = Math.min(Math.max(level ?? 0, 0), 100) / 100;
      liquid.style.transform = `translateY(${Math.round(height * (1 - filled))}px)`;
    },
  };
}

/** Agitator and coil, trays, condenser, compressor: what is drawn upon pipes and vessels. */
export function machines() {
  return svg(
    "g",
    { class: "machine", "aria-hidden": "true" },
    svg("circle", { cx: 460, cy: 300, r: 14 }),
    svg("text", { class: "stream-number", x: 460, y: 305 }, "M"),
    svg("path", { d: "M460 314 V500 M436 494 L460 500 L484 494 M436 506 L460 500 L484 506" }),
    svg("path", { class: "coil", d: "M425 560 V548 L445 530 L475 548 L500 530 V560" }),
    svg("path", { d: "M862 312 H908 M862 318 H908" }),
    ...[462, 492, 522, 552].map((y) =>
      svg("path", { class: "tray", d: `M1092 ${y} H1140 M1110 ${y + 15} H1158` }),
    ),
    svg("circle", { class: "solid", cx: 715, cy: 352, r: 26 }),
    svg("path", { d: "M715 378 V368 L703 360 L727 346 L715 338 V326" }),
    svg("path", { class: "solid", d: "M868 138 L860 84 H910 L902 138 Z" }),
  );
}

/** @param {{x: number, y: number, turned?: boolean}} place */
export function valve({ x, y, turned }) {
  const transform = `translate(${x} ${y})${turned ? " rotate(90)" : ""}`;
  return svg("path", { class: "valve", transform, d: "M-13 -9 L13 9 V-9 L-13 9 Z", "aria-hidden": "true" });
}
