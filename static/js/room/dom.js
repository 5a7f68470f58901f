import { el, svg } from "../shared/dom.js";

/** @typedef {Node|string|null|false|undefined} Child */
/** @typedef {Record<string, string|number|boolean|null|undefined|((event: any) => void)>} Attributes */

/**
 * An element with attributes, listeners (`onclick`) and children; what is null or false is left out.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 */
export function h(tag, attributes = {}, ...children) {
  const element = el(tag, {}, ...present(children));
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value || value === 0 || value === "") element.setAttribute(name, String(value));
  }
  return element;
}

/** @param {Element} element @param {...Child} children - take the place of what was there */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
}

/** @param {Child[]} children @returns {(Node|string)[]} */
function present(children) {
  return children.filter((child) => child || child === "").map((child) => child || "");
}

/**
 * One of our own symbols; its word stands beside it.
 *
 * @param {string} sprite - URL of the sprite
 * @param {string} name
 */
export function icon(sprite, name) {
  const use = svg("use", { href: `${sprite}#${name}` });
  return svg("svg", { class: "lb-icon", width: 20, height: 20, "aria-hidden": "true" }, use);
}

/**
 * The part of the page's template with this `data-part`.
 *
 * @param {ParentNode} root
 * @param {string} name
 * @returns {HTMLElement}
 */
export function part(root, name) {
  const found = root.querySelector(`[data-part="${name}"]`);
  if (!(found instanceof HTMLElement)) throw new Error(`the page has no part ${name}`);
  return found;
}

/**
 * Rewrites a part of the page only when what it is made from changed, so that a button is not
 * taken from under a finger. The focus finds its element again by `data-key`.
 */
export class Part {
  #element;
  #made = "";

  /** @param {Element} element */
  constructor(element) {
    this.#element = element;
  }

  /** @param {unknown} from - plain data @param {() => Child[]} make */
  show(from, make) {
    const key = JSON.stringify(from);
    if (key === this.#made) return;
    this.#made = key;
    const focused = this.#focusedKey();
    fill(this.#element, ...make());
    if (focused) this.#find(focused)?.focus();
  }

  #focusedKey() {
    const { activeElement } = document;
    return this.#element.contains(activeElement) && activeElement?.getAttribute("data-key");
  }

  /** @param {string} key @returns {HTMLElement|null} */
  #find(key) {
    return this.#element.querySelector(`[data-key="${CSS.escape(key)}"]`);
  }
}
