import { $, el } from "../shared/dom.js";
import { ImagePane } from "../viewer/image-pane.js";
import {
  assetsIn,
  discussedIn,
  showDiscussed,
  showShapes,
  turnAsShown,
} from "./discussed-picture.js";

/** What the buttons do: names of the pane's `act`, and the word on the button. */
const BUTTONS = Object.freeze([
  ["tool-window", "Window"],
  ["tool-pan", "Pan"],
  ["tool-zoom", "Zoom"],
  ["tool-scroll", "Scroll"],
  ["previous", "Frame up"],
  ["next", "Frame down"],
  ["invert", "Invert"],
  ["rotate-right", "Rotate"],
  ["flip-horizontal", "Flip"],
  ["zoom-fit", "Fit"],
  ["reset", "Reset"],
]);

/** One discussed picture to look around in on one's own. */
class ViewPage {
  #pane;
  #element;
  #discussed;
  #frame = 0;
  #gone = new AbortController();

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
    this.#discussed = discussedIn(element);
    const caseId = element.dataset.case ?? "";
    this.#pane = new ImagePane({ element, assets: assetsIn(element), caseId });
    this.#pane.setAuthors(this.#discussed.authors);
    this.#pane.identity = identityIn(element);
    this.#listen();
    this.#offer();
  }

  async open() {
    this.#frame = await showDiscussed(this.#pane, this.#discussed);
    if (this.#frame === 0 && this.#pane.metadata) {
      $("#state").textContent = "The discussed frame is no longer part of this series.";
    }
    turnAsShown(this.#pane, this.#discussed, this.#frame);
    this.#element.focus();
  }

  destroy() {
    this.#gone.abort();
    this.#pane.destroy();
  }

  #listen() {
    const { signal } = this.#gone;
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#pane.addEventListener("tool", () => this.#showTool(), { signal });
    window.addEventListener("pagehide", () => this.destroy(), { signal });
  }

  #offer() {
    const { signal } = this.#gone;
    const buttons = BUTTONS.map(([act, word]) => {
      const button = el("button", { type: "button", class: "view-tool", "data-act": act }, word);
      button.addEventListener("click", () => this.#pane.act(act), { signal });
      return button;
    });
    const back = el("button", { type: "button", class: "view-tool" }, "As discussed");
    back.addEventListener("click", () => this.#goBack(), { signal });
    $("#tools").replaceChildren(...buttons, back);
    this.#showTool();
  }

  /** The frame that was discussed, as it was shown or else whole, whatever was looked at since. */
  #goBack() {
    const view = this.#pane.getView();
    if (this.#frame === 0 || !view) return;
    if (this.#discussed.view) return turnAsShown(this.#pane, this.#discussed, this.#frame);
    this.#pane.setView({ ...view, frame: this.#frame });
    this.#pane.act("reset");
  }

  #showTool() {
    $("#tools")
      .querySelectorAll("[data-act^=tool-]")
      .forEach((button) => {
        const isOn = button.getAttribute("data-act") === `tool-${this.#pane.tool}`;
        button.setAttribute("aria-pressed", String(isOn));
      });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (this.#pane.handleKey(event)) event.preventDefault();
  }
}

/** @param {HTMLElement} element */
function identityIn({ dataset }) {
  const { name = "", sex = "", born = "", number = "" } = dataset;
  return { name, sex, birth_date: born, nhs_number: number };
}

showShapes(document);
void new ViewPage($("#pane")).open();
