/** @import { At } from "./hands.js" */
/** @import { Sight } from "./sight.js" */
/** @import { Picture } from "./types.js" */

const DIGITS = 6; // a 16-bit sample has five: none is rounded

/** The stored value under the pointer, of the frame that is on the screen now. */
export class ReadOut {
  #sight;
  #whole;
  #captions;
  /** @type {At|null} */
  #at = null;

  /**
   * @param {Sight} sight
   * @param {() => Picture|null} whole - the picture on the screen; null while it is not whole
   * @param {{ readOut: (text: string) => void }} captions
   */
  constructor(sight, whole, captions) {
    this.#sight = sight;
    this.#whole = whole;
    this.#captions = captions;
  }

  /** @param {At|null} at - CSS pixels; null: the pointer has left */
  hover(at) {
    this.#at = at;
    this.redraw();
  }

  /** Another frame under a pointer at rest has another value. */
  redraw() {
    this.#captions.readOut(this.#at ? valueAt(this.#sight, this.#whole(), this.#at) : "");
  }
}

/**
 * The stored value under a place after the Modality LUT; nothing from a preview.
 *
 * @param {Sight} sight
 * @param {Picture|null} whole
 * @param {At} at
 */
function valueAt(sight, whole, at) {
  const image = sight.now?.image;
  const pixel = sight.pixelAt(at)?.map(Math.round);
  if (!image || !pixel || !whole || whole.kind !== "mono16") return "";
  const [column, row] = pixel;
  if (column < 0 || row < 0 || column >= whole.columns || row >= whole.rows) return "";
  const value = whole.samples[row * whole.columns + column] * image.slope + image.intercept;
  return `${Number(value.toPrecision(DIGITS))} ${image.unit}`.trim();
}
