/** @import { Assets } from "../viewer/decoder-pool.js" */
/** @import { ImagePane } from "../viewer/image-pane.js" */
/** @import { MarkBody } from "../viewer/types.js" */
/** @typedef {{ series: string, version: number, frame: string, marks: MarkBody[] }} Discussed */

/**
 * What the template wrote into an element: the frame that was discussed and what is drawn on it.
 *
 * @param {HTMLElement} element
 * @returns {Discussed}
 */
export function discussedIn({ dataset }) {
  const { series = "", version = "1", frame = "", marks = "[]" } = dataset;
  return { series, version: Number(version), frame, marks: JSON.parse(marks) };
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
 * A colour and shape of their own for each who drew, in the order they first did.
 *
 * @param {Discussed[]} pictures - all of the page
 * @returns {Record<string, number>}
 */
export function authorsOf(pictures) {
  const people = new Set(pictures.flatMap(({ marks }) => marks.map(({ by }) => by)));
  return Object.fromEntries([...people].map((person, index) => [person, index]));
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
