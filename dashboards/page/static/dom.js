/** Elements, and changes to them that cost nothing where nothing changed. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {Element} element
 * @param {Record<string, string|number|boolean|null|undefined>} attributes
 * @param {(Node|string)[]} children
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children);
  return element;
}

/**
 * An HTML element; strings among the children become text.
 *
 * @param {string} name
 * @param {Record<string, string|number|boolean|null|undefined>} [attributes]
 * @param {...(Node|string)} children
 * @returns {any}
 */
export function html(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/**
 * An SVG element.
 *
 * @param {string} name
 * @param {Record<string, string|number|boolean|null|undefined>} [attributes]
 * @param {...(Node|string)} children
 * @returns {any}
 */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** @param {string} id @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}

/** @param {Node} node @param {string} text */
export function setText(node, text) {
  const first = node.firstChild;
  if (first instanceof Text && first === node.lastChild) {
    if (first.data !== text) first.data = text;
  } else if (first || text) {
    node.textContent = text;
  }
}

/** @param {Element} element @param {string} name @param {string|null} value null removes it */
export function setAttribute(element, name, value) {
  if (value === null) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
  } else if (element.getAttribute(name) !== value) {
    element.setAttribute(name, value);
  }
}

/** @param {HTMLElement} element @param {boolean} shown */
export function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

/** @type {WeakMap<Element, Map<string, Element>>} */
const lists = new WeakMap();

/**
 * Makes the children of `parent` those of `items`, in their order. An element is kept as long as
 * its key is there, so that focus and what was typed survive; items may share a key.
 *
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {(item: T) => string} key
 * @param {(item: T) => Element} make
 * @param {(element: any, item: T) => void} update
 */
export function setList(parent, items, key, make, update) {
  const before = lists.get(parent) ?? new Map();
  const after = new Map();
  let place = parent.firstElementChild;
  for (const item of items) {
    let name = key(item);
    while (after.has(name)) name += " again";
    const element = before.get(name) ?? make(item);
    after.set(name, element);
    update(element, item);
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const [name, element] of before) if (!after.has(name)) element.remove();
  lists.set(parent, after);
}

/** A function that runs `work` at most once a frame, however often it is called. */
export function oncePerFrame(/** @type {() => void} */ work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
