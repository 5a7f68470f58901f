import { el } from "../shared/dom.js";

/** @import { MarkBody } from "../viewer/types.js" */

const MARGIN = 6; // CSS pixels between a word and the edge

/**
 * What a pane shows now, to be kept when the pane is gone: the picture, its marks, its badges.
 *
 * @param {HTMLElement} stage - the pane's element
 * @param {MarkBody[]} marks
 * @returns {Node[]}
 */
export function stillOf(stage, marks) {
  const live = /** @type {HTMLCanvasElement} */ (stage.querySelector("canvas"));
  const still = el("canvas", { width: live.width, height: live.height });
  still.getContext("2d")?.drawImage(live, 0, 0);
  const drawn = /** @type {SVGSVGElement} */ (stage.querySelector("svg"));
  const badges = stage.querySelector(".pane-badges")?.cloneNode(true);
  return [still, drawingOf(drawn, stage, marks), ...(badges ? [badges] : [])];
}

/**
 * The marks as a drawing that grows and shrinks with the picture. Names are left to the words
 * below, so that they do not lie on what was pointed at, and no word ends outside.
 *
 * @param {SVGSVGElement} drawn
 * @param {HTMLElement} stage
 * @param {MarkBody[]} marks
 * @returns {Node}
 */
function drawingOf(drawn, { clientWidth, clientHeight }, marks) {
  for (const label of Array.from(drawn.querySelectorAll("text"))) {
    const name = marks.map((mark) => mark.name).find((n) => label.textContent?.endsWith(` ${n}`));
    if (name) label.textContent = label.textContent?.slice(0, -name.length - 1) ?? "";
    const { x, width } = label.getBBox();
    const inside = Math.max(MARGIN, Math.min(x, clientWidth - width - MARGIN));
    if (inside === x) continue;
    label.setAttribute("text-anchor", "start");
    label.setAttribute("x", String(inside));
  }
  const still = /** @type {SVGSVGElement} */ (drawn.cloneNode(true));
  still.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
  return still;
}
