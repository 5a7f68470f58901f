/** @typedef {"room"|"own"} Reach - what a key moves: the whole room, or only what is mine */
/** @typedef {{ key: string, act: string, words: string, reach: Reach }} Key */

/**
 * The room's own keys; the pictures' are in viewer/keys.js. What moves the room always needs
 * Shift, what moves everybody's picture needs it while presenting (D17).
 *
 * @type {readonly Key[]}
 */
export const KEYS = [
  { key: "w", act: "tool-window", words: "tool: window", reach: "own" },
  { key: "m", act: "tool-pan", words: "tool: move", reach: "own" },
  { key: "d", act: "tool-length", words: "tool: length", reach: "own" },
  { key: "a", act: "tool-arrow", words: "tool: arrow with text", reach: "own" },
  {
    key: "t",
    act: "point",
    words: "point: the others see your pointer while you follow",
    reach: "own",
  },
  { key: "n", act: "next-case", words: "next case, for everybody", reach: "room" },
  { key: "p", act: "previous-case", words: "previous case, for everybody", reach: "room" },
  { key: "f", act: "follow", words: "look around, or follow again", reach: "own" },
  { key: "o", act: "outcome", words: "write the outcome", reach: "own" },
  { key: "[", act: "fold-left", words: "fold the list", reach: "own" },
  { key: "]", act: "fold-right", words: "fold the case and outcome", reach: "own" },
  { key: "?", act: "keys", words: "this list", reach: "own" },
];

/** The pictures' keys, as people read them. */
export const PICTURE_KEYS = Object.freeze([
  ["↑ ↓", "previous, next image"],
  ["Home End", "first, last image"],
  ["+ - =", "larger, smaller, fit"],
  ["R L", "turn right, left"],
  ["H V", "mirror across, down"],
  ["I", "invert grey"],
  ["1 to 5", "window, by its number in the presets"],
  ["Space", "reset"],
  ["Z", "tool: zoom"],
  ["Del", "remove the chosen mark"],
  ["Esc", "let go; leave a text field"],
]);

/** With Shift held these keys say another character. */
const SHIFTED = new Map([
  ["{", "["],
  ["}", "]"],
]);

/** @typedef {{ key: string, shiftKey: boolean, ctrlKey: boolean, altKey: boolean, metaKey: boolean }} Press */

/**
 * What a key press means to the room, or null where it is none of its keys. One that is not
 * allowed is a hint to be given, not an act.
 *
 * @param {Press} press
 * @returns {{ act: string, isAllowed: boolean }|null}
 */
export function pressed({ key, shiftKey, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return null;
  const name = SHIFTED.get(key) ?? key.toLowerCase();
  const found = KEYS.find((one) => one.key === name);
  if (!found) return null;
  return { act: found.act, isAllowed: found.reach === "own" || shiftKey };
}
