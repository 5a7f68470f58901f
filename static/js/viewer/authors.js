/** @typedef {{ colour: string, shape: string }} Author */

/** The eight authors of the reading room: a colour and a shape each, of equal standing. */
export const AUTHORS = Object.freeze([
  { colour: "#56b4e9", shape: "●" },
  { colour: "#e69f00", shape: "▲" },
  { colour: "#2fc79a", shape: "■" },
  { colour: "#f0e442", shape: "◆" },
  { colour: "#e08cc0", shape: "★" },
  { colour: "#ff8a4c", shape: "✚" },
  { colour: "#a9b4ff", shape: "▼" },
  { colour: "#d0d0d0", shape: "⬟" },
]);

/** One whose number has not been heard of yet: in nobody's colour. */
const UNKNOWN = Object.freeze({ colour: "#ffffff", shape: "○" });

/**
 * How a person's marks and pointers look. The server numbers the people of a team once and for
 * all; where there are more than eight, colours repeat, and names are always shown beside them.
 *
 * @param {number|null|undefined} number - from 0; none: not known here
 * @returns {Author}
 */
export function authorAt(number) {
  return AUTHORS[(number ?? -1) % AUTHORS.length] ?? UNKNOWN;
}
