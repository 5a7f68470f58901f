import { takesText } from "../shared/dom.js";
import { actOf, movesPicture } from "./keys.js";
import { panned, scrolledTo, windowed, zoomed } from "./view.js";
import { short } from "./words.js";

/** @import { Host, At } from "./hands.js" */
/** @import { MarkHand } from "./mark-hand.js" */
/** @import { Sight } from "./sight.js" */
/** @import { Picture, StackView } from "./types.js" */
/**
 * What the hands may ask of the pane.
 *
 * @typedef {{
 *   sight: Sight, hand: MarkHand,
 *   dpr: () => number, tool: () => string, needsShift: () => boolean,
 *   whole: () => Picture|null,
 *   change: (view: StackView) => void, act: (name: string) => boolean,
 *   notice: (code: string) => void, readOut: (text: string) => void,
 *   point: (at: At|null) => void,
 * }} Doings
 */

const DRAG_ZOOM = 200; // CSS pixels of a drag that double or halve
const DRAG_SCROLL = 8; // CSS pixels of a drag that are worth a frame
const NUDGES = Object.freeze({
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
});

/**
 * What each movement of the hand means here.
 *
 * @param {Doings} doings
 * @returns {Host}
 */
export function handHost(doings) {
  const { sight, hand } = doings;
  let scrolled = 0; // CSS pixels of a scrolling drag not yet turned into frames
  return {
    tool: doings.tool,
    begin(tool, at) {
      scrolled = 0;
      if (!isMark(tool)) return void hand.cancel();
      if (doings.whole()) hand.begin(tool, at);
      else doings.notice("frame.preview");
    },
    drag(tool, dx, dy, at) {
      if (isMark(tool)) return hand.draw(at);
      scrolled = tool === "scroll" ? scrolled + dy : 0;
      const frames = Math.trunc(scrolled / DRAG_SCROLL);
      scrolled -= frames * DRAG_SCROLL;
      dragged(doings, tool, [dx, dy], frames);
    },
    end(tool, at) {
      if (isMark(tool)) hand.end(at);
    },
    cancel: () => void hand.cancel(),
    scroll: (frames) => scroll(doings, frames),
    zoom: (factor, at) => zoom(doings, factor, at),
    hover(at) {
      if (at && hand.isDrawing) hand.draw(at);
      doings.readOut(at ? valueAt(sight, doings.whole(), at) : "");
      doings.point(at);
    },
    key: (event) => key(doings, event),
  };
}

/**
 * @param {Doings} doings
 * @param {KeyboardEvent} event
 * @returns {boolean} whether it was one of the pane's
 */
export function key(doings, event) {
  if (event.defaultPrevented || takesText(event.target)) return false;
  const isOurs = obeyed(doings, event);
  if (isOurs) event.preventDefault(); // so that it is not taken twice, here and by the page
  return isOurs;
}

/**
 * @param {Doings} doings
 * @param {KeyboardEvent} event
 */
function obeyed(doings, event) {
  const nudge = /** @type {Record<string, readonly number[]>} */ (NUDGES)[event.key];
  const step = event.shiftKey ? 10 : 1;
  if (nudge && doings.hand.nudge(nudge[0] * step, nudge[1] * step)) return true;
  const name = actOf(event);
  if (!name) return false;
  if (!doings.needsShift() || !movesPicture(name) || event.shiftKey) return doings.act(name);
  doings.notice("viewer.needs_shift");
  return true;
}

/**
 * @param {string} tool
 * @returns {tool is "length"|"arrow"}
 */
function isMark(tool) {
  return tool === "length" || tool === "arrow";
}

/**
 * @param {Doings} doings
 * @param {string} tool
 * @param {At} by - CSS pixels
 * @param {number} frames
 */
function dragged(doings, tool, [dx, dy], frames) {
  const { now } = doings.sight;
  if (!now) return;
  const dpr = doings.dpr();
  if (tool === "pan") doings.change(panned(now.view, now, dx * dpr, dy * dpr));
  else if (tool === "zoom") doings.change(zoomed(now.view, now, 2 ** (-dy / DRAG_ZOOM)));
  else if (tool === "scroll") scroll(doings, frames);
  else if (now.image.kind === "rgb8") doings.notice("viewer.no_window");
  else doings.change(windowed(now.view, dx, dy));
}

/**
 * @param {Doings} doings
 * @param {number} frames
 */
function scroll({ sight: { now }, change }, frames) {
  if (!now || frames === 0) return;
  const to = scrolledTo(now.view, now.metadata, now.view.frame + frames, now.canvas);
  if (to.frame !== now.view.frame) change(to);
}

/**
 * @param {Doings} doings
 * @param {number} factor
 * @param {At} at
 */
function zoom(doings, factor, [x, y]) {
  const { now } = doings.sight;
  const dpr = doings.dpr();
  if (now) doings.change(zoomed(now.view, now, factor, [x * dpr, y * dpr]));
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
  return `${short(value)} ${image.unit}`.trim();
}
