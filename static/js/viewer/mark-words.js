import { el } from "../shared/dom.js";
import { inside } from "./mark-label.js";

/** @import { At } from "./mark-label.js" */
/** @typedef {{ save: (text: string) => void, leave: () => void }} Ends - how typing ends */

const SIZE = { width: 200, height: 28 }; // that of .mark-text, in CSS pixels

/** The line in which an arrow's words are typed, over the picture and whole within it. */
export class WordsBox {
  #layer;
  /** @type {HTMLInputElement|null} */
  #input = null;

  /** @param {SVGSVGElement} layer - the box lies over it */
  constructor(layer) {
    this.#layer = layer;
  }

  get isOpen() {
    return this.#input !== null;
  }

  /**
   * Enter saves, and so does leaving the box for something else on the page; Escape leaves.
   *
   * @param {At} at
   * @param {string} text
   * @param {Ends} ends
   */
  open(at, text, { save, leave }) {
    this.close();
    const input = el("input", { class: "mark-text", maxlength: 200, "aria-label": "Arrow text" });
    const pane = this.#layer.getBoundingClientRect();
    const [x, y] = inside(at, SIZE, pane);
    input.style.left = `${x}px`;
    input.style.top = `${y}px`;
    input.value = text;
    const done = (/** @type {() => void} */ act) => {
      this.close();
      act();
    };
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter") done(() => save(input.value.trim()));
      else if (event.key === "Escape") done(leave);
    });
    input.addEventListener("blur", () => {
      const isElsewhere = document.hasFocus(); // in this page; another window takes nothing away
      if (isElsewhere && this.#input === input) done(() => save(input.value.trim()));
    });
    this.#input = input;
    this.#layer.after(input);
    input.focus({ preventScroll: true });
    input.select();
  }

  close() {
    const input = this.#input;
    this.#input = null; // first: removing it blurs it
    input?.remove();
  }
}
