import { setAttributes, svg } from "../shared/dom.js";
import { authorAt } from "./authors.js";
import { labelPlace, longestLine, mostLines, saidInLines } from "./mark-label.js";

/** @import { Around, At, Box } from "./mark-label.js" */
/** @import { Drawing } from "./types.js" */

const HEAD = 12; // CSS pixels of an arrow head
const LINE = 18; // of a line of words
const ASCENT = 14; // from a line's top to its letters' foot
const FEW = 3; // lines of a label nobody has chosen; all of it is said when it is
const LOW = 300; // CSS pixels: in a pane less high, a line less
const FONT = "600 14px system-ui, sans-serif"; // that of .mark-label, for measuring

/** @typedef {{ words: string, by: string }} Said - what it says, and who */

/** @type {CanvasRenderingContext2D|null} */
let ruler = null;

/** One mark as lines, ends and words. Says nothing of where it is from. */
export class MarkShape {
  node;
  #drawn = svg("path", { class: "mark-line" });
  #hit = svg("path", { class: "mark-hit" });
  #label = svg("text", { class: "mark-label" });
  #title = svg("title");
  #ends = [endNode(0), endNode(1)];
  #kind;
  #said = "";
  #size = { width: 0, height: 0 };
  #isSelected = false;
  /** @type {Box|null} where its words are, once placed */
  box = null;

  /**
   * @param {Drawing["kind"]} kind
   * @param {number|undefined} author
   * @param {"kept"|"drawn"|"preview"} state - on record; drawn here and not yet; still moving
   */
  constructor(kind, author, state) {
    this.#kind = kind;
    this.node = svg("g", { class: `mark is-${state}` }, this.#drawn, this.#hit, this.#label);
    this.node.append(...this.#ends);
    this.colour(author);
  }

  /** @param {number|undefined} author */
  colour(author) {
    this.node.style.setProperty("--author", authorAt(author).colour);
  }

  /**
   * @param {ReadonlyArray<At|null>} points - CSS pixels; null: not on this canvas
   * @param {Said} said
   * @param {Around} around
   */
  place(points, said, around) {
    const [from, to] = points;
    this.box = null;
    this.node.style.display = from && to ? "" : "none";
    if (!from || !to) return this.#say({ words: "", by: "" }, around);
    const line = `M${from} L${to}`;
    setAttributes(this.#drawn, { d: this.#kind === "arrow" ? line + head(from, to) : line });
    setAttributes(this.#hit, { d: line });
    for (const [i, end] of this.#ends.entries()) {
      const [x, y] = /** @type {At} */ (points[i]);
      setAttributes(end, { transform: `translate(${x} ${y})` });
    }
    this.#say(said, around);
    this.#put(this.#kind === "arrow" || to[0] >= from[0] ? [to, from] : [from, to], around);
  }

  /** @param {boolean} isOn - takes effect with the next `place` */
  select(isOn) {
    this.#isSelected = isOn;
    this.node.classList.toggle("is-selected", isOn);
  }

  /**
   * The words in lines. What had to be cut is whole in the title, and in the label once chosen.
   *
   * @param {Said} what
   * @param {Around} around
   */
  #say(what, around) {
    const longest = longestLine(around);
    const most = mostLines(around, LINE);
    const atMost = this.#isSelected ? most : Math.min(around.height < LOW ? FEW - 1 : FEW, most);
    const said = JSON.stringify([what, longest, atMost]);
    if (said === this.#said) return;
    this.#said = said;
    const text = `${what.words} ${what.by}`.trim();
    const lines = text ? saidInLines(what, { longest, atMost }, widthOf) : [];
    const widths = lines.map((line) => widthOf(line.trimEnd()));
    this.#size = { width: Math.max(0, ...widths), height: lines.length * LINE };
    this.#label.replaceChildren(...lines.map((line) => svg("tspan", {}, line)));
    this.#title.textContent = text;
    if (text && lines.join("") !== text) this.node.prepend(this.#title);
    else this.#title.remove();
  }

  /**
   * @param {readonly [At, At]} ends - the one whose words they are comes first
   * @param {Around} around
   */
  #put(ends, around) {
    const at = labelPlace(ends, this.#size, around);
    this.#label.style.display = at ? "" : "none";
    if (!at || this.#size.height === 0) return;
    const [x, y] = at;
    this.box = { x, y, ...this.#size };
    for (const [i, line] of Array.from(this.#label.children).entries()) {
      setAttributes(line, { x, y: y + ASCENT + i * LINE });
    }
  }
}

/** @param {string} text */
function widthOf(text) {
  ruler ??= document.createElement("canvas").getContext("2d");
  if (!ruler) return 0;
  ruler.font = FONT;
  return ruler.measureText(text).width;
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
 * @param {At} tip
 * @param {At} tail
 */
function head(tip, tail) {
  const angle = Math.atan2(tail[1] - tip[1], tail[0] - tip[0]);
  return [angle - 0.45, angle + 0.45]
    .map((a) => ` M${tip} L${[tip[0] + HEAD * Math.cos(a), tip[1] + HEAD * Math.sin(a)]}`)
    .join("");
}
