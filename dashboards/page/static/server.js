/** Requests to the server this page came from; every one has a time limit. */

const TIMEOUT_MS = 20_000;

/** A refusal, with the server's own line about it. */
export class Refused extends Error {}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @param {AbortSignal} [signal] gives up earlier
 * @returns {Promise<any>}
 * @throws {Refused} with one clear line
 */
async function ask(path, options = {}, signal) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const both = signal ? AbortSignal.any([signal, limit]) : limit;
  let response;
  try {
    response = await fetch(path, { ...options, signal: both });
  } catch (error) {
    if (signal?.aborted) throw error;
    const why = limit.aborted ? `did not answer within ${TIMEOUT_MS / 1000} s` : "does not answer";
    throw new Refused(`The server ${why}.`);
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  throw new Refused(answer?.error ?? `The server answers ${response.status} without a reason.`);
}

/** @returns {Promise<import("./types.js").Catalogue>} */
export function catalogue() {
  return ask("/api/catalogue");
}

/**
 * @param {Record<string, string|number>} query
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").Answer>}
 */
export function panel(query, signal) {
  return ask(`/api/panel?${parameters(query)}`, {}, signal);
}

/**
 * @param {Record<string, string|number>} query
 * @param {AbortSignal} signal
 * @returns {Promise<import("./types.js").Annotation[]>}
 */
export function annotations(query, signal) {
  return ask(`/api/annotations?${parameters(query)}`, {}, signal);
}

/**
 * @param {Record<string, string|number|null>} action
 * @returns {Promise<{said: string}>}
 */
export function act(action) {
  const token = document.querySelector('meta[name="tepwatch-token"]')?.getAttribute("content");
  return ask("/api/act", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Tepwatch-Token": token ?? "" },
    body: JSON.stringify(action),
  });
}

/** @param {Record<string, string|number>} query */
function parameters(query) {
  const texts = Object.entries(query).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams(texts);
}
