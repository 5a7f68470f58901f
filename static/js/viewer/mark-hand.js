import { MarkShape } from "./mark-shape.js";
import { WordsBox } from "./mark-words.js";
import { readableLength } from "./words.js";

/** @import { Drawing, MarkBody, Place, Point } from "./types.js" */
/** @import { Kept, MarkHost } from "./marks.js" */
/** @typedef {MarkHost & { find: (id: string) => Kept|null, mine: () => number|undefined, redraw: () => void }} HandHost */
/** @typedef {{ kind: Drawing["kind"], place: Place, points: [Point, Point], shape: MarkShape }} Stroke */
/** @typedef {{ mark: MarkBody, drawing: Drawing }} Change */

const SHORTEST = 4; // CSS pixels: less is a click, and the second click ends the line
const SETTLED_MS = 600; // after the last nudge the change is told
const ENDS = { 0: [0], 1: [1], both: [0, 1] };

/** The hand that draws, moves, rewords and removes marks on one pane. */
export class MarkHand {
  /** @type {string|null} */
  selected = null;
  #layer;
  #host;
  /** @type {Stroke|null} */
  #stroke = null;
  /** @type {Change|null} */
  #change = null;
  /** @type {{ ends: number[], last: [number, number] }|null} */
  #grip = null;
  #end = 1;
  /** @type {Map<string, { next: number, drawing: Drawing }>} told, and not yet come back as `next` */
  #told = new Map();
  #words;
  /** @type {string|null} the mark whose words are being typed */
  #reworded = null;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #settle;

  /**
   * @param {SVGSVGElement} layer
   * @param {HandHost} host
   */
  constructor(layer, host) {
    this.#layer = layer;
    this.#host = host;
    this.#words = new WordsBox(layer);
    layer.addEventListener("pointerdown", (event) => this.#take(event));
    layer.addEventListener("pointermove", (event) => this.#pull(event));
    layer.addEventListener("pointerup", (event) => this.#letGo(event));
    layer.addEventListener("pointercancel", () => this.cancel());
    layer.addEventListener("focusin", ({ target }) => this.select(markOf(target)));
    layer.addEventListener("dblclick", () => this.reword());
    layer.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && this.reword()) event.preventDefault();
    });
  }

  /** @param {string} id @returns {boolean} whether the words of this mark are being typed */
  rewords(id) {
    return this.#reworded === id;
  }

  get isDrawing() {
    return this.#stroke !== null;
  }

  /**
   * How a mark stands under this hand, until the room has taken it; null when it is as kept.
   *
   * @param {MarkBody} mark
   */
  drawingOf({ mark_id: id, version }) {
    if (this.#change?.mark.mark_id === id) return this.#change.drawing;
    const told = this.#told.get(id);
    if (told && version < told.next) return told.drawing;
    this.#told.delete(id);
    return null;
  }

  /** The room did not take what was told. */
  forget() {
    this.#told.clear();
  }

  /**
   * The first point of a new mark; for one begun by a click, its last.
   *
   * @param {Drawing["kind"]} kind
   * @param {[number, number]} at
   */
  begin(kind, at) {
    if (this.#stroke && !this.#words.isOpen && !this.#hasLeft()) return this.draw(at);
    this.cancel();
    const place = this.#host.sight.place;
    const point = this.#host.sight.toPoint(at);
    if (!place || !point) return;
    const shape = new MarkShape(kind, this.#host.mine(), "preview");
    this.#stroke = { kind, place, points: [point, point], shape };
    this.#layer.append(shape.node);
    this.redraw();
  }

  /** @param {[number, number]} at */
  draw(at) {
    const point = this.#host.sight.toPoint(at);
    if (!this.#stroke || this.#words.isOpen || !point || this.#hasLeft()) return;
    this.#stroke.points[1] = point;
    this.redraw();
    this.#host.tell("preview", { place: this.#stroke.place, drawing: drawingOf(this.#stroke) });
  }

  /** @param {[number, number]} at */
  end(at) {
    if (!this.#stroke || this.#words.isOpen || this.#hasLeft()) return;
    const start = this.#host.sight.toCss(this.#stroke.points[0]);
    if (!start || Math.hypot(at[0] - start[0], at[1] - start[1]) < SHORTEST) return;
    this.draw(at);
    if (this.#stroke.kind === "arrow") this.#askWords(at);
    else this.#finish("");
  }

  /** @returns {boolean} whether there was anything to take back */
  cancel() {
    const wasBusy = this.#stroke !== null || this.#change !== null || this.selected !== null;
    const place = this.#stroke?.place ?? this.#change?.mark.place;
    if (place) this.#host.tell("preview", { place, drawing: null });
    this.#clear();
    this.#change = null;
    this.#grip = null;
    this.select(null);
    return wasBusy;
  }

  /** @param {string|null} id */
  select(id) {
    if (id === this.selected) return;
    this.#tellChange();
    this.selected = id;
    this.#host.redraw();
  }

  /** The record has a mark no longer. @param {string} id */
  drop(id) {
    if (this.#reworded === id) this.#clear();
    if (this.selected === id) this.select(null);
  }

  /**
   * Open the words of the chosen arrow.
   *
   * @returns {boolean} whether there are words this person may change
   */
  reword() {
    const mark = this.#changeable(this.selected, "words");
    const tail = mark && this.#host.sight.toCss((this.drawingOf(mark) ?? mark.drawing).points[1]);
    if (!mark || !tail) return false;
    this.#tellChange();
    this.#words.open(tail, mark.drawing.text, {
      save: (text) => this.#tellWords(mark, text),
      leave: () => this.#leaveWords(mark),
    });
    this.#reworded = mark.mark_id;
    this.#host.redraw();
    return true;
  }

  /** @returns {boolean} */
  remove() {
    const mark = this.#changeable(this.selected);
    if (!mark) return false;
    this.#change = null;
    this.#host.tell("removed", { mark_id: mark.mark_id, version: this.#newest(mark) });
    return true;
  }

  /**
   * The end taken last, moved by stored pixels.
   *
   * @param {number} columns
   * @param {number} rows
   * @returns {boolean}
   */
  nudge(columns, rows) {
    const mark = this.#changeable(this.selected);
    if (!mark) return false;
    if (!this.#host.mayMeasure()) return true;
    this.#moveEnds(mark, [this.#end], (point) => this.#host.sight.moved(point, columns, rows));
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#tellChange(), SETTLED_MS);
    return true;
  }

  redraw() {
    if (!this.#stroke) return;
    const { points, shape, kind, place } = this.#stroke;
    const isHere = this.#host.sight.isAt(place);
    const label =
      kind === "length" ? readableLength(this.#host.sight.measure(points[0], points[1])) : "";
    const at = points.map((point) => (isHere ? this.#host.sight.toCss(point) : null));
    shape.place(at, { words: label, by: "" }, this.#host.around());
  }

  /** @param {PointerEvent} event */
  #take(event) {
    const id = markOf(event.target);
    if (!id || event.button !== 0 || this.#stroke) return;
    event.stopPropagation();
    this.select(id);
    if (!this.#changeable(id) || !this.#host.mayMeasure()) return;
    const end = endOf(event.target);
    if (end !== "both") this.#end = Number(end);
    this.#grip = { ends: ENDS[end], last: at(event, this.#layer) };
    this.#layer.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  #pull(event) {
    const mark = this.#grip && this.#changeable(this.selected);
    if (!this.#grip || !mark) return;
    event.stopPropagation();
    const now = at(event, this.#layer);
    const [dx, dy] = [now[0] - this.#grip.last[0], now[1] - this.#grip.last[1]];
    this.#moveEnds(mark, this.#grip.ends, (point) => {
      const [x, y] = this.#host.sight.toCss(point) ?? now;
      return this.#host.sight.toPoint([x + dx, y + dy]) ?? point;
    });
    this.#grip.last = now;
  }

  /** @param {PointerEvent} event */
  #letGo(event) {
    if (!this.#grip) return;
    event.stopPropagation();
    this.#grip = null;
    this.#tellChange();
  }

  /**
   * @param {MarkBody} mark
   * @param {number[]} ends
   * @param {(point: Point) => Point} move
   */
  #moveEnds(mark, ends, move) {
    const drawing = this.drawingOf(mark) ?? mark.drawing;
    const points = drawing.points.map((point, i) => (ends.includes(i) ? move(point) : point));
    this.#change = { mark, drawing: { ...drawing, points } };
    this.#host.redraw();
    this.#host.tell("preview", { place: mark.place, drawing: this.#change.drawing });
  }

  #tellChange() {
    clearTimeout(this.#settle);
    if (!this.#change) return;
    const { mark, drawing } = this.#change;
    this.#change = null;
    this.#tell(mark, this.#newest(mark), drawing);
    this.#host.tell("preview", { place: mark.place, drawing: null });
  }

  /**
   * @param {MarkBody} mark
   * @param {number} version - the one that was changed
   * @param {Drawing} drawing
   */
  #tell({ mark_id }, version, drawing) {
    this.#told.set(mark_id, { next: version + 1, drawing });
    this.#host.tell("changed", { mark_id, version, drawing });
    this.#host.redraw();
  }

  /**
   * The version a mark has once all is on record that was told: two changes may be on their way.
   *
   * @param {MarkBody} mark
   */
  #newest({ mark_id: id, version }) {
    return Math.max(version, this.#told.get(id)?.next ?? 0);
  }

  /**
   * Somebody may have moved the mark meanwhile: their points stand. If its words have changed,
   * the room is told which version had been read, and refuses.
   *
   * @param {MarkBody} read - as it was when its words were opened
   * @param {string} text
   */
  #tellWords(read, text) {
    this.#leaveWords(read);
    const mark = this.#host.find(read.mark_id)?.mark ?? read;
    if (text === read.drawing.text) return;
    const drawing = { ...(this.drawingOf(mark) ?? mark.drawing), text };
    const isAsRead = mark.drawing.text === read.drawing.text;
    this.#tell(mark, isAsRead ? this.#newest(mark) : read.version, drawing);
  }

  /** The focus goes back to the mark, for the next key. @param {MarkBody} mark */
  #leaveWords({ mark_id: id }) {
    this.#reworded = null;
    this.#host.redraw();
    const isNowhere = document.activeElement === document.body; // it was in the box
    if (isNowhere) this.#host.find(id)?.shape.node.focus({ preventScroll: true });
  }

  /**
   * What is not on the screen is changed by no hand.
   *
   * @param {string|null} id
   * @param {"words"} [what] - of the mark
   */
  #changeable(id, what) {
    const mark = id === null ? null : (this.#host.find(id)?.mark ?? null);
    if (!mark || !this.#host.sight.isAt(mark.place)) return null;
    return this.#host.mayChange(mark, what) ? mark : null;
  }

  /** Another frame came under a line being drawn: it would end in another slice, so it is gone. */
  #hasLeft() {
    if (!this.#stroke || this.#host.sight.isAt(this.#stroke.place)) return false;
    this.cancel();
    return true;
  }

  /** @param {[number, number]} at */
  #askWords(at) {
    this.#words.open(at, "", {
      save: (text) => this.#finish(text),
      leave: () => void this.cancel(),
    });
  }

  /** @param {string} text */
  #finish(text) {
    const stroke = this.#stroke;
    this.#clear();
    if (!stroke) return;
    const drawing = { ...drawingOf(stroke), text };
    this.#host.tell("drawn", { place: stroke.place, drawing });
    this.#host.tell("preview", { place: stroke.place, drawing: null });
  }

  #clear() {
    this.#words.close();
    this.#reworded = null;
    this.#stroke?.shape.node.remove();
    this.#stroke = null;
  }
}

/**
 * @param {Stroke} stroke
 * @returns {Drawing}
 */
function drawingOf({ kind, points }) {
  return { kind, points: [...points], text: "" };
}

/**
 * @param {EventTarget|null} target
 * @returns {string|null}
 */
function markOf(target) {
  if (!(target instanceof Element)) return null;
  return /** @type {SVGElement|null} */ (target.closest("[data-mark]"))?.dataset.mark ?? null;
}

/**
 * @param {EventTarget|null} target
 * @returns {0|1|"both"}
 */
function endOf(target) {
  const end = target instanceof Element ? target.closest("[data-end]") : null;
  if (!end) return "both";
  return end.getAttribute("data-end") === "0" ? 0 : 1;
}

/**
 * @param {PointerEvent} event
 * @param {Element} layer
 * @returns {[number, number]}
 */
function at({ clientX, clientY }, layer) {
  const { left, top } = layer.getBoundingClientRect();
  return [clientX - left, clientY - top];
}
