import { h } from "./dom.js";
import { stated } from "./outcome-words.js";

/** @import { Codes, Fields, Warning } from "./outcome-form.js" */

/**
 * Everything one version states, as it is read before somebody answers for it.
 *
 * @param {Fields} fields
 * @param {Codes} codes
 */
export function saidList(fields, codes) {
  const rows = stated(fields, codes).map(([label, lines]) =>
    h(
      "div",
      { class: "said__row" },
      h("dt", {}, label),
      h("dd", {}, ...lines.map((line) => h("span", { class: "said__line" }, line))),
    ),
  );
  return h("dl", { class: "said" }, ...rows);
}

/** What contradicts in it. @param {readonly Warning[]} warnings */
export function warningLines(warnings) {
  return warnings.map(({ text, code }) =>
    h("p", { class: "warning warning--side", role: "alert", "data-code": code }, `⚠ ${text}`),
  );
}
