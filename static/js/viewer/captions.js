import { el } from "../shared/dom.js";
import { edgeLetters, isPlaced, stepOf } from "./geometry.js";
import * as words from "./words.js";

/** @import { Seen } from "./view.js" */
/** @import { Metadata, StackView } from "./types.js" */
/**
 * Who is looked at. Dates are YYYY-MM-DD; `role` is "current", "prior" or "".
 *
 * @typedef {{ name: string, birth_date?: string, nhs_number?: string, sex?: string, role?: string }} Identity
 */

const NOTICE_MS = 5000;

/** Every word on a pane: identity, series, frame, window, letters, badges, trouble. */
export class Captions {
  element = el("div", { class: "pane-captions" });
  #texts = new Map();
  #identity = el("div", { class: "pane-identity" });
  #badges = el("div", { class: "pane-badges" });
  #middle = el("p", { class: "pane-middle", role: "status" });
  #notice = el("p", { class: "pane-notice", role: "status", hidden: true });
  #scale = el("div", { class: "pane-scale", hidden: true });
  #shownBadges = "";
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {Map<Element, { width: number, height: number }>} the corners, in CSS pixels */
  #corners = new Map();
  #observer;

  /** @param {() => void} [grown] - a corner needs more room now, or less */
  constructor(grown = () => undefined) {
    this.#observer = new ResizeObserver((entries) => {
      for (const { target, borderBoxSize } of entries) {
        const [{ inlineSize: width, blockSize: height }] = borderBoxSize;
        this.#corners.set(target, { width, height });
      }
      grown();
    });
    const about = el("div", { class: "pane-about" }, this.#text("study"), this.#text("series"));
    const left = el("div", { class: "pane-corner pane-top-left" }, this.#identity, about);
    const right = el("div", { class: "pane-corner pane-top-right" }, this.#badges);
    const numbers = ["frame", "window", "zoom", "value", "notes"].map((name) => this.#text(name));
    const bottom = el("div", { class: "pane-corner pane-bottom-left" }, ...numbers);
    const purpose = el("span", { class: "pane-purpose" }, "not for primary diagnosis");
    const last = el("div", { class: "pane-corner pane-bottom-right" }, this.#scale, purpose);
    const edges = ["top", "right", "bottom", "left"].map((edge) => {
      return this.#text(edge, `pane-edge pane-edge-${edge}`);
    });
    this.element.append(left, right, bottom, last, ...edges, this.#middle, this.#notice);
    for (const corner of [left, right, bottom, last]) this.#observer.observe(corner);
    this.identify(null);
  }

  /** @param {Identity|null} identity */
  identify(identity) {
    if (!identity) {
      this.#identity.replaceChildren(el("strong", { class: "pane-badge" }, "PATIENT NOT STATED"));
      return;
    }
    const { name, sex = "", birth_date = "", nhs_number = "", role = "" } = identity;
    const born = birth_date && words.readableDate(birth_date);
    const rest = [sex, born, words.readableNhsNumber(nhs_number)].filter(Boolean).join(" · ");
    const part = role && el("span", { class: "pane-role" }, role.toUpperCase());
    this.#identity.replaceChildren(part, el("strong", {}, name), el("span", {}, rest));
  }

  /** @param {Metadata|null} metadata - null: nothing is open, and no word of before stays */
  describe(metadata) {
    for (const name of this.#texts.keys()) this.#set(name, "");
    this.#badges.replaceChildren();
    this.#shownBadges = "";
    this.#scale.hidden = true;
    if (!metadata) return;
    this.#set("study", studyText(metadata));
    this.#set("series", metadata.description);
    this.#set("notes", words.geometryNotes(metadata));
  }

  /**
   * @param {Seen & { metadata: Metadata, view: StackView }} what
   * @param {number} dpr - canvas pixels in a CSS pixel
   */
  show(what, dpr) {
    const { view, metadata, image, frame } = what;
    const label = frame.label && frame.label !== String(view.frame) ? ` (${frame.label})` : "";
    this.#set("frame", `${view.frame}/${metadata.frames.length}${label}`);
    this.#set("window", image.kind === "rgb8" ? "colour" : words.readableWindow(view));
    this.#set("zoom", `zoom ${zoomOf(view, what, dpr)} %`);
    const letters = edgeLetters(image, view);
    for (const edge of /** @type {const} */ (["top", "right", "bottom", "left"])) {
      this.#set(edge, letters ? letters[edge] : "");
    }
    this.#wear(words.badges(image, view), image.laterality);
    this.#measureOut(view, what, dpr);
  }

  /**
   * How far the picture on the screen can be believed: "loading", a preview, or whole.
   *
   * @param {number} quality - per cent; 0: nothing is shown
   * @param {string} [trouble] - said instead of "loading"
   */
  believe(quality, trouble = "") {
    const preview = quality > 0 && quality < 100 ? `PREVIEW ${quality} %` : "";
    const text = quality === 0 ? trouble || "loading" : preview;
    if (this.#middle.textContent !== text) this.#middle.textContent = text;
    this.#middle.classList.toggle("is-preview", preview !== "");
    this.element.dataset.quality = String(quality);
  }

  /**
   * The pane in CSS pixels, and the parts of it that its corners' words take up. They are told by
   * the browser after each layout, so that no drawing has to wait for one.
   *
   * @param {import("./types.js").Size} canvas
   * @param {number} dpr - canvas pixels in a CSS pixel
   * @returns {import("./mark-label.js").Around}
   */
  around(canvas, dpr) {
    const [width, height] = [canvas.width / dpr, canvas.height / dpr];
    const taken = Array.from(this.#corners, ([{ classList }, size]) => {
      const isRight =
        classList.contains("pane-top-right") || classList.contains("pane-bottom-right");
      const isLow =
        classList.contains("pane-bottom-left") || classList.contains("pane-bottom-right");
      return { x: isRight ? width - size.width : 0, y: isLow ? height - size.height : 0, ...size };
    });
    return { width, height, taken };
  }

  /** @param {string} text - the stored value under the pointer, or nothing */
  readOut(text) {
    this.#set("value", text);
  }

  /**
   * A sentence that stays for some seconds.
   *
   * @param {string} text
   * @param {string} code
   */
  notice(text, code) {
    clearTimeout(this.#timer);
    this.#notice.replaceChildren(`${text} `, el("small", {}, code));
    this.#notice.hidden = false;
    this.#timer = setTimeout(() => {
      this.#notice.hidden = true;
    }, NOTICE_MS);
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#observer.disconnect();
    this.element.remove();
  }

  /**
   * @param {string} name
   * @param {string} [className]
   */
  #text(name, className = `pane-${name}`) {
    const text = el("span", { class: className });
    this.#texts.set(name, text);
    return text;
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #set(name, text) {
    const element = this.#texts.get(name);
    if (element.textContent !== text) element.textContent = text;
  }

  /**
   * @param {ReturnType<typeof words.badges>} badges
   * @param {string} laterality
   */
  #wear(badges, laterality) {
    const side = laterality && `side in the header: ${laterality}`;
    const key = JSON.stringify([badges, side]);
    if (key === this.#shownBadges) return;
    this.#shownBadges = key;
    const worn = badges.map(({ text, kind }) =>
      el("strong", { class: `pane-badge is-${kind}` }, text),
    );
    this.#badges.replaceChildren(...worn, side && el("span", {}, side));
  }

  /**
   * @param {StackView} view
   * @param {Seen} what
   * @param {number} dpr
   */
  #measureOut(view, { image, frame, canvas }, dpr) {
    const unit = mmPerUnit(image, isPlaced(image, frame));
    this.#scale.hidden = unit === 0;
    if (unit === 0) return;
    const mm = ((view.height * unit) / canvas.height) * dpr; // of one CSS pixel
    const length = words.roundLength((mm * canvas.width) / dpr / 4);
    this.#scale.style.width = `${length / mm}px`;
    const text = length >= 10 ? `${length / 10} cm` : `${words.short(length)} mm`;
    if (this.#scale.textContent !== text) this.#scale.textContent = text;
  }
}

/** @param {Metadata} metadata */
function studyText({ modality, study_date: date, trust }) {
  return `${modality} ${words.readableDate(date)} ${trust}`;
}

/**
 * @param {StackView} view
 * @param {Seen} what
 * @param {number} dpr
 */
function zoomOf(view, { image, frame, canvas }, dpr) {
  const rows = view.height / stepOf(image, frame)[1];
  return words.short(Math.round((canvas.height / dpr / rows) * 100));
}

/**
 * Millimetres of one unit of the view; 0 where nothing truthful is known.
 *
 * @param {import("./types.js").Image} image
 * @param {boolean} placed
 */
function mmPerUnit({ spacing: { kind, column } }, placed) {
  if (kind !== "calibrated" && kind !== "region") return 0;
  return placed ? 1 : (column ?? 0);
}
