import { el } from "../shared/dom.js";

/**
 * What a pane shows now, to be kept when the pane is gone: the picture, its marks, its badges.
 *
 * @param {HTMLElement} stage - the pane's element
 * @returns {Node[]}
 */
export function stillOf(stage) {
  const live = /** @type {HTMLCanvasElement} */ (stage.querySelector("canvas"));
  const still = el("canvas", { width: live.width, height: live.height });
  still.getContext("2d")?.drawImage(live, 0, 0);
  const drawn = /** @type {SVGSVGElement} */ (stage.querySelector("svg"));
  const badges = stage.querySelector(".pane-badges")?.cloneNode(true);
  return [still, drawingOf(drawn, stage), ...(badges ? [badges] : [])];
}

/**
 * The marks as a drawing that grows and shrinks with the picture.
 *
 * @param {SVGSVGElement} drawn
 * @param {HTMLElement} stage
 * @returns {Node}
 */
function drawingOf(drawn, { clientWidth, clientHeight }) {
  const still = /** @type {SVGSVGElement} */ (drawn.cloneNode(true));
  still.setAttribute("viewBox", `0 0 ${clientWidth} ${clientHeight}`);
  return still;
}
