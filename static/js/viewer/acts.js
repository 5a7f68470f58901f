import * as view from "./view.js";

/** @import { Metadata, Size, StackView } from "./types.js" */
/** @typedef {{ metadata: Metadata, canvas: Size }} Around */
/** @typedef {(now: StackView, around: Around) => StackView} Act */

const ZOOM = 1.25;
const FAST = 5;
const PRESET_KEYS = [1, 2, 3, 4, 5];

/**
 * Everything a key or a button can do to a picture, by name. Pure: a view in, a view out.
 *
 * @type {Readonly<Record<string, Act>>}
 */
export const ACTS = Object.freeze({
  invert: (now) => ({ ...now, invert: !now.invert }),
  "rotate-right": (now) => view.rotated(now, 90),
  "rotate-left": (now) => view.rotated(now, -90),
  "flip-horizontal": view.flippedHorizontally,
  "flip-vertical": view.flippedVertically,
  interpolation: (now) => ({ ...now, interp: now.interp === "linear" ? "nearest" : "linear" }),
  "zoom-in": (now, around) => view.zoomed(now, seenBy(now, around), ZOOM),
  "zoom-out": (now, around) => view.zoomed(now, seenBy(now, around), 1 / ZOOM),
  "zoom-fit": (now, around) => view.fitted(now, seenBy(now, around)),
  reset: (now, around) => view.initialView(seenBy(now, around), now.frame),
  next: (now, around) => scrolled(now, around, now.frame + 1),
  previous: (now, around) => scrolled(now, around, now.frame - 1),
  "next-fast": (now, around) => scrolled(now, around, now.frame + FAST),
  "previous-fast": (now, around) => scrolled(now, around, now.frame - FAST),
  first: (now, around) => scrolled(now, around, 1),
  last: (now, around) => scrolled(now, around, around.metadata.frames.length),
  ...presets(),
});

/**
 * @param {StackView} now
 * @param {Around} around
 */
export function seenBy(now, { metadata, canvas }) {
  return view.seen(metadata, now.frame, canvas);
}

/**
 * @param {StackView} now
 * @param {Around} around
 * @param {number} to
 */
function scrolled(now, { metadata, canvas }, to) {
  return view.scrolledTo(now, metadata, to, canvas);
}

/** The picture's own; one it does not have changes nothing, and the same view comes out. */
function presets() {
  const named = PRESET_KEYS.map((key) => {
    /** @type {Act} */
    const act = (now, around) => {
      const own = view.presetsOf(seenBy(now, around).image)[key - 1];
      return own ? view.inWindow(now, own) : now;
    };
    return [`preset-${key}`, act];
  });
  return /** @type {Record<string, Act>} */ (Object.fromEntries(named));
}
