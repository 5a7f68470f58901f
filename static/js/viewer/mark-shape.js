import { setAttributes, svg } from "../shared/dom.js";
import { AUTHORS } from "./authors.js";

/** @import { Drawing } from "./types.js" */

const HEAD = 12; // CSS pixels of an arrow head
const LABEL = 10; // from an end to its words

/** One mark as lines, ends and words. Says nothing of where it is from. */
export class MarkShape {
  node;
  #drawn = svg("path", { class: "mark-line" });
  #hit = svg("path", { class: "mark-hit" });
  #label = svg("text", { class: "mark-label" });
  #ends = [endNode(0), endNode(1)];
  #kind;

  /**
   * @param {Drawing["kind"]} kind
   * @param {number} author
   * @param {"kept"|"drawn"|"preview"} state - on record; drawn here and not yet; still moving
   */
  constructor(kind, author, state) {
    const { colour } = AUTHORS[author % AUTHORS.length];
    this.#kind = kind;
    this.node = svg("g", { class: `mark is-${state}` }, this.#drawn, this.#hit, this.#label);
    this.node.append(...this.#ends);
    this.node.style.setProperty("--author", colour);
  }

  /**
   * @param {ReadonlyArray<[number, number]|null>} points - CSS pixels; null: not on this canvas
   * @param {string} label
   */
  place(points, label) {
    if (this.#label.textContent !== label) this.#label.textContent = label;
    const [from, to] = points;
    this.node.style.display = from && to ? "" : "none";
    if (!from || !to) return;
    const line = `M${from} L${to}`;
    setAttributes(this.#drawn, { d: this.#kind === "arrow" ? line + head(from, to) : line });
    setAttributes(this.#hit, { d: line });
    for (const [i, end] of this.#ends.entries()) {
      const [x, y] = /** @type {[number, number]} */ (points[i]);
      setAttributes(end, { transform: `translate(${x} ${y})` });
    }
    const [x, y] = this.#kind === "arrow" || to[0] >= from[0] ? to : from;
    const isLeft = this.#kind === "arrow" && to[0] < from[0];
    const at = { x: x + (isLeft ? -LABEL : LABEL), y: y - LABEL / 2 };
    setAttributes(this.#label, { ...at, "text-anchor": isLeft ? "end" : "start" });
  }

  /** @param {boolean} isOn */
  select(isOn) {
    this.node.classList.toggle("is-selected", isOn);
  }
}

/**
 * An end that can be taken by the hand: 24 CSS pixels across, drawn smaller.
 *
 * @param {number} index
 */
function endNode(index) {
  return svg(
    "g",
    { class: "mark-end", "data-end": index },
    svg("circle", { class: "mark-grip", r: 12 }),
    svg("circle", { class: "mark-dot", r: 4 }),
  );
}

/**
 * The two strokes of an arrow head at its tip.
 *
 * @param {[number, number]} tip
 * @param {[number, number]} tail
 */
function head(tip, tail) {
  const angle = Math.atan2(tail[1] - tip[1], tail[0] - tip[0]);
  return [angle - 0.45, angle + 0.45]
    .map((a) => ` M${tip} L${[tip[0] + HEAD * Math.cos(a), tip[1] + HEAD * Math.sin(a)]}`)
    .join("");
}
