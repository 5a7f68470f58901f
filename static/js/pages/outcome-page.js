import { $, el } from "../shared/dom.js";
import { ImagePane } from "../viewer/image-pane.js";
import {
  assetsIn,
  discussedIn,
  showDiscussed,
  showShapes,
  turnAsShown,
} from "./discussed-picture.js";
import { stillOf } from "./still.js";

const PATIENCE_MS = 30_000;
const WHOLE = 100;
const REST_MS = 500;

/**
 * Draws the discussed pictures one after another with a single pane, and leaves stills behind: a
 * page may hold more pictures than a browser has graphics contexts, and stills can be printed.
 */
class Stills {
  #assets;
  #caseId;
  #frames;
  #left = new AbortController();

  /** @param {HTMLElement} list */
  constructor(list) {
    this.#assets = assetsIn(list);
    this.#caseId = list.dataset.case ?? "";
    /** @type {NodeListOf<HTMLElement>} */
    const frames = list.querySelectorAll("[data-picture]");
    this.#frames = Array.from(frames);
  }

  async draw() {
    for (const frame of this.#frames) {
      if (this.#left.signal.aborted) return;
      await this.#drawOne(frame);
    }
  }

  /** The page is being left: what is under way is given up. */
  leave() {
    this.#left.abort();
  }

  /** @param {HTMLElement} frame */
  async #drawOne(frame) {
    const stage = el("span", { class: "outcome-picture__stage", "aria-hidden": "true" });
    frame.prepend(stage);
    const pane = new ImagePane({ element: stage, assets: this.#assets, caseId: this.#caseId });
    const discussed = discussedIn(frame);
    pane.setAuthors(discussed.authors, { isNamed: false }); // the words below the picture name them
    stage.removeAttribute("tabindex"); // it lies in a link, which has the focus
    let why = "This picture is not there to be shown.";
    pane.addEventListener("refused", (event) => {
      why = /** @type {CustomEvent} */ (event).detail.message;
    });
    const number = await showDiscussed(pane, discussed);
    if (number > 0) why = "This picture did not arrive. Load the page again.";
    const whole = number > 0 && isWhole(pane, number, this.#left.signal); // listens from here on
    turnAsShown(pane, discussed, number);
    if (await whole) {
      frame.replaceChildren(...stillOf(stage));
    } else $(".outcome-picture__state", frame).textContent = why;
    pane.destroy();
    stage.remove();
  }
}

/**
 * Whether all of a frame has come onto the canvas, and not only a preview of it.
 *
 * @param {ImagePane} pane
 * @param {number} number
 * @param {AbortSignal} left
 * @returns {Promise<boolean>}
 */
function isWhole(pane, number, left) {
  const signal = AbortSignal.any([left, AbortSignal.timeout(PATIENCE_MS)]);
  return new Promise((resolve) => {
    const shown = (/** @type {Event} */ event) => {
      const { frame, quality } = /** @type {CustomEvent} */ (event).detail;
      if (frame === number && quality === WHOLE) resolve(true);
    };
    pane.addEventListener("shown", shown, { signal });
    pane.addEventListener("refused", () => resolve(false), { signal });
    signal.addEventListener("abort", () => resolve(false), { once: true });
  });
}

/** A page that took the place of another under the finger takes no second press for a moment. */
function rest() {
  const button = document.querySelector("[data-step] button");
  if (!(button instanceof HTMLButtonElement)) return;
  button.disabled = true;
  setTimeout(() => {
    button.disabled = false;
  }, REST_MS);
}

rest();
const print = $("#print");
print.hidden = false;
print.addEventListener("click", () => window.print());
const list = document.querySelector("#discussed");
if (list instanceof HTMLElement) {
  showShapes(list);
  const stills = new Stills(list);
  window.addEventListener("pagehide", () => stills.leave(), { once: true });
  void stills.draw();
}
