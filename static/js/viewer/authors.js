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

/**
 * The same author for the same person in every browser, where the page has not given one.
 *
 * @param {string} person - public id
 */
export function authorOf(person) {
  let sum = 0;
  for (const letter of person) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 65521;
  return sum % AUTHORS.length;
}
