import { el } from "../shared/dom.js";
import { authorAt } from "../viewer/authors.js";

/** @import { Assets } from "../viewer/decoder-pool.js" */
/** @import { ImagePane } from "../viewer/image-pane.js" */
/** @import { MarkBody, StackView } from "../viewer/types.js" */
/**
 * One frame that was discussed. `view` is how it was shown last; null: it was only drawn on.
 *
 * @typedef {{ series: string, version: number, frame: string, view: StackView|null, marks: MarkBody[], authors: Record<string, number> }} Discussed
 */

/**
 * What the template wrote into an element: the frame that was discussed and what is drawn on it.
 *
 * @param {HTMLElement} element
 * @returns {Discussed}
 */
export function discussedIn({ dataset }) {
  const { series = "", version = "1", frame = "", view = "null" } = dataset;
  const { marks = "[]", authors = "{}" } = dataset;
  const drawn = { marks: JSON.parse(marks), authors: JSON.parse(authors) };
  return { series, version: Number(version), frame, view: JSON.parse(view), ...drawn };
}

/**
 * Where the page says the viewer's worker and codec are.
 *
 * @param {HTMLElement} element
 * @returns {Assets}
 */
export function assetsIn({ dataset }) {
  const { worker = "", codec = "", wasm = "" } = dataset;
  return { worker, codec, wasm };
}

/**
 * Put each author's shape before what they said, as it stands on the picture.
 *
 * @param {ParentNode} page
 */
export function showShapes(page) {
  page.querySelectorAll("li[data-author]").forEach((said) => {
    const number = said.getAttribute("data-author");
    const { shape, colour } = authorAt(number ? Number(number) : null);
    const sign = el("span", { class: "said-shape", "aria-hidden": "true" }, shape);
    sign.style.setProperty("--author", colour);
    said.prepend(sign, " ");
  });
}

/**
 * Open a pane at the discussed frame, whole and upright, with its marks.
 *
 * @param {ImagePane} pane
 * @param {Discussed} discussed
 * @returns {Promise<number>} the frame's number, from 1; 0 when it is not there to be shown
 */
export async function showDiscussed(pane, { series, version, frame, marks }) {
  const isOpen = await pane.open({ series, version, key: frame });
  if (!isOpen || pane.place?.frame !== frame) return 0;
  pane.setMarks(marks);
  return pane.getView()?.frame ?? 0;
}

/**
 * Turn an open pane to the discussed frame as it was shown: its window, place, size and turns.
 *
 * @param {ImagePane} pane
 * @param {Discussed} discussed
 * @param {number} number - of the frame in the version that is open, which may count otherwise
 */
export function turnAsShown(pane, { view }, number) {
  if (view && number > 0) pane.setView({ ...view, frame: number });
}
