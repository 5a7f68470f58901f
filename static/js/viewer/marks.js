import { setAttributes, svg } from "../shared/dom.js";
import { authorAt } from "./authors.js";
import { MarkHand } from "./mark-hand.js";
import { MarkShape } from "./mark-shape.js";
import { readableLength } from "./words.js";

/** @import { Around } from "./mark-label.js" */
/** @import { Sight } from "./sight.js" */
/** @import { Drawing, MarkBody, Place } from "./types.js" */
/**
 * What the marks need of the pane.
 *
 * @typedef {{
 *   sight: Sight,
 *   around: () => Around,
 *   mayChange: (mark: MarkBody, what?: "words") => boolean,
 *   mayMeasure: () => boolean,
 *   tell: (type: "preview"|"drawn"|"changed"|"removed", detail: object) => void,
 * }} MarkHost
 */
/** @typedef {{ by: string, name: string, place: Place, drawing: Drawing|null }} Preview */
/** @typedef {{ mark: MarkBody, shape: MarkShape }} Kept */
/**
 * Who looks, and whether names stand beside the shapes; they do unless the page says them itself.
 *
 * @typedef {{ you?: string, isNamed?: boolean }} Naming
 */

/** The marks of the frame on the screen: kept ones, those being drawn, and those not yet kept. */
export class Marks {
  element = svg("svg", { class: "pane-marks" });
  #host;
  #hand;
  /** @type {Map<string, Kept>} */
  #kept = new Map();
  /** @type {Map<string, { preview: Preview, shape: MarkShape }>} */
  #previews = new Map();
  /** @type {Set<{ place: Place, drawing: Drawing, shape: MarkShape }>} */
  #drawn = new Set();
  /** @type {Record<string, number>} */
  #authors = {};
  /** @type {Naming} */
  #naming = {};

  /** @param {MarkHost} host */
  constructor(host) {
    this.#host = host;
    this.#hand = new MarkHand(this.element, {
      ...host,
      tell: (type, detail) => this.#tell(type, detail),
      find: (id) => this.#kept.get(id) ?? null,
      mine: () => this.#authors[this.#naming.you ?? ""],
      redraw: () => this.redraw(),
    });
  }

  get hand() {
    return this.#hand;
  }

  /**
   * @param {Record<string, number>} authors - person's public id to their number, from 0
   * @param {Naming} [naming]
   */
  setAuthors(authors, naming = {}) {
    this.#authors = authors;
    this.#naming = naming;
    for (const { mark, shape } of this.#kept.values()) shape.colour(authors[mark.by]);
    for (const { preview, shape } of this.#previews.values()) shape.colour(authors[preview.by]);
    this.redraw();
  }

  /** @param {ReadonlyArray<MarkBody>} marks - all of the case; only this frame's are shown */
  setMarks(marks) {
    const gone = new Set(this.#kept.keys());
    for (const mark of marks) {
      gone.delete(mark.mark_id);
      this.#keep(mark);
    }
    for (const id of gone) this.#drop(id);
    this.redraw();
  }

  /** @param {Preview} preview - somebody else's hand; `drawing` null: it has let go */
  showPreview(preview) {
    this.#previews.get(preview.by)?.shape.node.remove();
    this.#previews.delete(preview.by);
    if (!preview.drawing) return;
    const shape = new MarkShape(preview.drawing.kind, this.#authors[preview.by], "preview");
    this.#previews.set(preview.by, { preview, shape });
    this.element.append(shape.node);
    this.redraw();
  }

  /**
   * @param {"preview"|"drawn"|"changed"|"removed"} type
   * @param {any} detail
   */
  #tell(type, detail) {
    if (type === "drawn") this.#addDrawn(detail.place, detail.drawing);
    this.#host.tell(type, detail);
  }

  /**
   * Drawn here, and shown as not yet kept until it comes back among the marks.
   *
   * @param {Place} place
   * @param {Drawing} drawing
   */
  #addDrawn(place, drawing) {
    const shape = new MarkShape(drawing.kind, this.#authors[this.#naming.you ?? ""], "drawn");
    this.#drawn.add({ place, drawing, shape });
    this.element.append(shape.node);
    this.redraw();
  }

  /** The server refused: what was drawn and is not kept is taken away. */
  dropDrawn() {
    for (const { shape } of this.#drawn) shape.node.remove();
    this.#drawn.clear();
    this.#hand.forget();
    this.redraw();
  }

  /** Another series: what was under a hand is gone; kept marks know their own frame. */
  leave() {
    this.#hand.cancel();
    this.dropDrawn();
    for (const { shape } of this.#previews.values()) shape.node.remove();
    this.#previews.clear();
  }

  redraw() {
    const { sight } = this.#host;
    /** @type {Around} */
    const around = { ...this.#host.around(), others: [] };
    for (const { mark, shape } of this.#kept.values()) {
      const drawing = this.#hand.drawingOf(mark) ?? mark.drawing;
      shape.select(this.#hand.selected === mark.mark_id);
      shape.node.classList.toggle("is-reworded", this.#hand.rewords(mark.mark_id));
      shape.node.classList.toggle("is-mine", this.#host.mayChange(mark, "words"));
      this.#draw(shape, sight.isAt(mark.place), { drawing, by: this.#nameOf(mark) }, around);
    }
    for (const { preview, shape } of this.#previews.values()) {
      const drawing = /** @type {Drawing} */ (preview.drawing);
      this.#draw(shape, sight.isAt(preview.place), { drawing, by: this.#nameOf(preview) }, around);
    }
    for (const { place, drawing, shape } of this.#drawn) {
      this.#draw(shape, sight.isAt(place), { drawing, by: "not saved yet" }, around);
    }
    this.#hand.redraw();
  }

  /**
   * @param {MarkShape} shape
   * @param {boolean} isHere
   * @param {{ drawing: Drawing, by: string }} what
   * @param {Around} around - the words placed so far are among its `others`
   */
  #draw(shape, isHere, { drawing, by }, around) {
    const { sight } = this.#host;
    const points = drawing.points.map((point) => (isHere ? sight.toCss(point) : null));
    shape.place(points, { words: isHere ? wordsOf(drawing, sight) : "", by }, around);
    if (shape.box) around.others?.push(shape.box);
  }

  /** @param {{ by: string, name: string }} author */
  #nameOf({ by, name }) {
    const { shape } = authorAt(this.#authors[by]);
    return this.#naming.isNamed === false ? shape : `${shape} ${name}`;
  }

  /** @param {MarkBody} mark */
  #keep(mark) {
    const known = this.#kept.get(mark.mark_id);
    for (const drawn of this.#drawn) if (isSame(drawn, mark)) this.#came(drawn);
    const shape = known?.shape ?? this.#shapeOf(mark);
    shape.node.setAttribute("aria-label", spoken(mark));
    this.#kept.set(mark.mark_id, { mark, shape });
  }

  /** @param {MarkBody} mark - not seen before */
  #shapeOf({ mark_id, by, drawing }) {
    const shape = new MarkShape(drawing.kind, this.#authors[by], "kept");
    setAttributes(shape.node, { tabindex: 0, role: "button", "data-mark": mark_id });
    this.element.append(shape.node);
    return shape;
  }

  /** @param {{ place: Place, drawing: Drawing, shape: MarkShape }} drawn */
  #came(drawn) {
    drawn.shape.node.remove();
    this.#drawn.delete(drawn);
  }

  /** @param {string} id */
  #drop(id) {
    this.#kept.get(id)?.shape.node.remove();
    this.#kept.delete(id);
    this.#hand.drop(id);
  }
}

/** A mark for who does not see it. @param {MarkBody} mark */
function spoken({ drawing: { kind, text }, name }) {
  return `${text ? `${kind}: ${text},` : kind} by ${name}`;
}

/**
 * @param {Drawing} drawing
 * @param {Sight} sight
 */
function wordsOf({ kind, points, text }, sight) {
  return kind === "arrow" ? text : readableLength(sight.measure(points[0], points[1]));
}

/**
 * @param {{ place: Place, drawing: Drawing }} a
 * @param {{ place: Place, drawing: Drawing }} b
 */
function isSame(a, b) {
  const parts = (/** @type {typeof a} */ { place, drawing: { kind, points, text } }) => {
    return JSON.stringify([place.frame, kind, text, points.map((p) => [p.unit, p.x, p.y])]);
  };
  return parts(a) === parts(b);
}
