/**
 * An outcome in words for people: every field that says something, with its label and no code.
 *
 * @import { Action, Codes, Field, Fields, Value } from "./outcome-form.js"
 */

import { asDay } from "./data.js";
import { LABELS } from "./outcome-fields.js";
import { FIELDS, valueIn } from "./outcome-form.js";

/** What the form's label says to the writer only. @type {Map<string, string>} */
const READ_AS = new Map([["treatments", "Planned treatment"]]);
/** Said although it is empty: nobody may take its absence for an answer. */
const ALWAYS = new Set(["laterality"]);

/** @param {Field} field */
export function labelOf(field) {
  return READ_AS.get(field) ?? LABELS[field] ?? field;
}

/**
 * What one field says, a line for each of its parts; nothing where it says nothing.
 *
 * @param {Field} field
 * @param {Value} value
 * @param {Codes} codes
 * @returns {string[]}
 */
export function linesOf(field, value, codes) {
  const isDay = field.endsWith("_date");
  const label = (/** @type {string} */ said) =>
    codes[field]?.find(([code]) => code === said)?.[1] ?? (isDay ? asDay(said) : said);
  if (!Array.isArray(value)) return value.trim() ? [label(value)] : [];
  return value.map((one) => (typeof one === "string" ? label(one) : actionWords(one)));
}

/** @param {Action} action */
function actionWords({ what, who, due }) {
  return `${what} (${who || "nobody named"}${due ? `, by ${asDay(due)}` : ""})`;
}

/**
 * All that an outcome states beside its recommendation, in the order of the form.
 *
 * @param {Fields} fields
 * @param {Codes} codes
 * @returns {[string, string[]][]} label and lines
 */
export function stated(fields, codes) {
  return FIELDS.filter((field) => field !== "recommendation")
    .map((field) => {
      const lines = linesOf(field, valueIn(fields, field), codes);
      const said = lines.length || !ALWAYS.has(field) ? lines : ["not stated"];
      return /** @type {[string, string[]]} */ ([labelOf(field), said]);
    })
    .filter(([, lines]) => lines.length);
}
