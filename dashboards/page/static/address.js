/** What the address remembers after `#`: plant, tab, range and the variables of a dashboard. */

/** @returns {URLSearchParams} */
function read() {
  return new URLSearchParams(location.hash.slice(1));
}

/** @param {string} name @returns {string|null} */
export function remembered(name) {
  return read().get(name);
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  const all = read();
  if (all.get(name) === value) return;
  all.set(name, value);
  history.replaceState(null, "", `#${all}`);
}
