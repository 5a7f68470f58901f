/** What each key does: the names are those of ImagePane's `act` and `setTool`. */
export const KEYS = Object.freeze({
  i: "invert",
  r: "rotate-right",
  l: "rotate-left",
  h: "flip-horizontal",
  v: "flip-vertical",
  z: "tool-zoom",
  "+": "zoom-in",
  "-": "zoom-out",
  _: "zoom-out",
  "=": "zoom-fit",
  " ": "reset",
  ArrowDown: "next",
  ArrowUp: "previous",
  ArrowRight: "next",
  ArrowLeft: "previous",
  Home: "first",
  End: "last",
  1: "preset-1",
  2: "preset-2",
  3: "preset-3",
  4: "preset-4",
  5: "preset-5",
  Escape: "cancel",
  Delete: "delete",
  Backspace: "delete",
});

const ONLY_MINE = new Set(["tool-zoom", "cancel", "delete"]);

/**
 * The act a key asks for; null when it asks for none. With Shift the digits and signs arrive
 * as other characters, so the key itself is read then.
 *
 * @param {{ key: string, code: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean }} event
 * @returns {string|null}
 */
export function actOf({ key, code, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey) return null;
  const known = /** @type {Record<string, string>} */ (KEYS);
  const digit = /^(?:Digit|Numpad)([1-5])$/.exec(code)?.[1];
  return known[digit ?? (key.length === 1 ? key.toLowerCase() : key)] ?? null;
}

/**
 * Whether an act changes the picture, and so everybody's while presenting (D17).
 *
 * @param {string} act
 */
export function movesPicture(act) {
  return !ONLY_MINE.has(act);
}
