import { takesPress, takesText } from "../shared/dom.js";
import { actOf, movesPicture } from "./keys.js";
import { panned, scrolledTo, windowed, zoomed } from "./view.js";

/** @import { Host, At } from "./hands.js" */
/** @import { MarkHand } from "./mark-hand.js" */
/** @import { Sight } from "./sight.js" */
/** @import { StackView } from "./types.js" */
/**
 * What the hands may ask of the pane.
 *
 * @typedef {{
 *   sight: Sight, hand: MarkHand,
 *   pane: { tool: string, needsShift: boolean, act: (name: string) => boolean },
 *   dpr: () => number,
 *   mayMeasure: () => boolean,
 *   change: (view: StackView) => void,
 *   notice: (code: string) => void, hover: (at: At|null) => void,
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
  const { hand } = doings;
  let scrolled = 0; // CSS pixels of a scrolling drag not yet turned into frames
  return {
    tool: () => doings.pane.tool,
    begin(tool, at) {
      scrolled = 0;
      if (!isMark(tool)) return void hand.cancel();
      if (doings.mayMeasure()) hand.begin(tool, at);
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
      doings.hover(at);
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
  if (event.defaultPrevented || takesText(event.target) || takesPress(event)) return false;
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
  if (!doings.pane.needsShift || !movesPicture(name) || event.shiftKey)
    return doings.pane.act(name);
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
