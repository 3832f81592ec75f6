/** Light or dark: as the system has it until somebody chooses; colours for what is drawn. */

const KEY = "tepwatch-theme";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const colours = new Map();
/** @type {Set<() => void>} */
const listeners = new Set();

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be forbidden; the system's choice holds then
  }
}

/** @param {string} theme */
function store(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    return; // as above: the choice lasts as long as the page
  }
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : prefersDark.matches;
}

/**
 * The colour of a CSS variable as a canvas understands it.
 *
 * @param {string} variable such as "--ink"
 * @returns {string}
 */
export function colour(variable) {
  let known = colours.get(variable);
  if (known === undefined) {
    const probe = document.createElement("span");
    probe.style.color = `var(${variable})`;
    document.body.append(probe);
    known = getComputedStyle(probe).color;
    probe.remove();
    colours.set(variable, known);
  }
  return known;
}

/** @param {() => void} listener @returns {() => void} forgets the listener */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {HTMLButtonElement} button toggles between light and dark */
export function startTheme(button) {
  const chosen = stored();
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
  const changed = () => {
    colours.clear();
    button.setAttribute("aria-pressed", String(isDark()));
    for (const listener of listeners) listener();
  };
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    store(theme);
    changed();
  });
  prefersDark.addEventListener("change", changed);
  changed();
}
