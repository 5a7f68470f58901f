import { svg } from "../shared/dom.js";
import { AUTHORS, authorOf } from "./authors.js";
import { MarkHand } from "./mark-hand.js";
import { MarkShape } from "./mark-shape.js";
import { readableLength } from "./words.js";

/** @import { Sight } from "./sight.js" */
/** @import { Drawing, MarkBody, Place } from "./types.js" */
/**
 * What the marks need of the pane.
 *
 * @typedef {{
 *   sight: Sight,
 *   mayChange: (mark: MarkBody) => boolean,
 *   mayMeasure: () => boolean,
 *   tell: (type: "preview"|"drawn"|"changed"|"removed", detail: object) => void,
 * }} MarkHost
 */
/** @typedef {{ by: string, name: string, place: Place, drawing: Drawing|null }} Preview */
/** @typedef {{ mark: MarkBody, shape: MarkShape }} Kept */

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

  /** @param {MarkHost} host */
  constructor(host) {
    this.#host = host;
    this.#hand = new MarkHand(this.element, {
      ...host,
      tell: (type, detail) => this.#tell(type, detail),
      find: (id) => this.#kept.get(id) ?? null,
      redraw: () => this.redraw(),
    });
  }

  get hand() {
    return this.#hand;
  }

  /** @param {Record<string, number>} authors - person's public id to one of the eight */
  setAuthors(authors) {
    this.#authors = authors;
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
    const author = this.#authorOf(preview.by);
    const shape = new MarkShape(preview.drawing.kind, author, "preview");
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
    const shape = new MarkShape(drawing.kind, 0, "drawn");
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
    for (const { mark, shape } of this.#kept.values()) {
      const drawing = this.#hand.drawingOf(mark) ?? mark.drawing;
      this.#draw(shape, sight.isAt(mark.place), drawing, this.#nameOf(mark));
      shape.select(this.#hand.selected === mark.mark_id);
    }
    for (const { preview, shape } of this.#previews.values()) {
      const drawing = /** @type {Drawing} */ (preview.drawing);
      this.#draw(shape, sight.isAt(preview.place), drawing, this.#nameOf(preview));
    }
    for (const { place, drawing, shape } of this.#drawn) {
      this.#draw(shape, sight.isAt(place), drawing, "not saved yet");
    }
    this.#hand.redraw();
  }

  /**
   * @param {MarkShape} shape
   * @param {boolean} isHere
   * @param {Drawing} drawing
   * @param {string} name
   */
  #draw(shape, isHere, drawing, name) {
    const points = drawing.points.map((point) => (isHere ? this.#host.sight.toCss(point) : null));
    shape.place(points, isHere ? `${wordsOf(drawing, this.#host.sight)} ${name}`.trim() : "");
  }

  /** @param {{ by: string, name: string }} author */
  #nameOf({ by, name }) {
    return `${AUTHORS[this.#authorOf(by)].shape} ${name}`;
  }

  /** @param {string} person */
  #authorOf(person) {
    return (this.#authors[person] ?? authorOf(person)) % AUTHORS.length;
  }

  /** @param {MarkBody} mark */
  #keep(mark) {
    const known = this.#kept.get(mark.mark_id);
    for (const drawn of this.#drawn) if (isSame(drawn, mark)) this.#came(drawn);
    if (known) {
      known.mark = mark;
      return;
    }
    const shape = new MarkShape(mark.drawing.kind, this.#authorOf(mark.by), "kept");
    shape.node.setAttribute("tabindex", "0");
    shape.node.setAttribute("role", "button");
    shape.node.setAttribute("aria-label", `${mark.drawing.kind} by ${mark.name}`);
    shape.node.dataset.mark = mark.mark_id;
    this.#kept.set(mark.mark_id, { mark, shape });
    this.element.append(shape.node);
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
    if (this.#hand.selected === id) this.#hand.select(null);
  }
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
