import { el } from "../shared/dom.js";

/**
 * What a pane shows now, to be kept when the pane is gone: the picture, its marks, its badges, and
 * the letters that say which side is which, for it may be shown turned or mirrored.
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
  return [still, drawingOf(drawn, stage), ...lettersOf(stage), ...(badges ? [badges] : [])];
}

/** @param {HTMLElement} stage @returns {Node[]} */
function lettersOf(stage) {
  return Array.from(stage.querySelectorAll(".pane-edge"), (edge) => {
    const letter = /** @type {Element} */ (edge.cloneNode(true));
    letter.setAttribute("aria-hidden", "true"); // it lies in a link, whose words are the caption
    return letter;
  });
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
