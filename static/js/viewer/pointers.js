import { el } from "../shared/dom.js";
import { authorAt } from "./authors.js";

/** @import { Point } from "./types.js" */
/** @typedef {{ by: string, name: string, author: number, point: Point|null }} Pointer */

/** Where the others point, with their names. */
export class Pointers {
  element = el("div", { class: "pane-pointers", "aria-hidden": true });
  /** @type {Map<string, { pointer: Pointer, node: HTMLElement }>} */
  #shown = new Map();
  #toCss;

  /** @param {(point: Point) => [number, number]|null} toCss */
  constructor(toCss) {
    this.#toCss = toCss;
  }

  /** @param {Pointer|null} pointer - `point` null: the pointer has left; null: all have */
  show(pointer) {
    if (!pointer) return this.clear();
    const known = this.#shown.get(pointer.by);
    if (!pointer.point) {
      known?.node.remove();
      this.#shown.delete(pointer.by);
      return;
    }
    if (known && known.pointer.author !== pointer.author) known.node.remove();
    const isKnown = known?.pointer.author === pointer.author;
    const entry = known && isKnown ? known : { pointer, node: this.#node(pointer) };
    entry.pointer = pointer;
    this.#shown.set(pointer.by, entry);
    this.#place(entry);
  }

  clear() {
    this.#shown.clear();
    this.element.replaceChildren();
  }

  redraw() {
    for (const entry of this.#shown.values()) this.#place(entry);
  }

  /** @param {Pointer} pointer */
  #node({ name, author }) {
    const { colour, shape } = authorAt(author);
    const node = el("span", { class: "pane-pointer" }, el("b", {}, shape), name);
    node.style.setProperty("--author", colour);
    this.element.append(node);
    return node;
  }

  /** @param {{ pointer: Pointer, node: HTMLElement }} entry */
  #place({ pointer, node }) {
    const at = this.#toCss(/** @type {Point} */ (pointer.point));
    node.hidden = !at;
    if (at) node.style.transform = `translate(${at[0]}px, ${at[1]}px)`;
  }
}
