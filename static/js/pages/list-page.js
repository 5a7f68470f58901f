/** The list of a meeting by keyboard: move, open, reorder, filter, add. */

/** @typedef {{ajax(verb: string, path: string, context: object): Promise<void>}} Htmx */

const WRONG = ".nhsuk-form-group--error input, .nhsuk-form-group--error select";
const MOVES = { ArrowDown: 1, ArrowUp: -1 };

/**
 * Whether a card's words hold every word of the filter; an empty filter lets everything through.
 *
 * @param {string} words lower case
 * @param {string} filter
 */
export function matches(words, filter) {
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => words.includes(word));
}

/**
 * Where the focus goes from `index` of `count`; from nowhere (-1) to the first or the last.
 *
 * @param {number} index
 * @param {1 | -1} step
 * @param {number} count
 */
export function nextIndex(index, step, count) {
  if (index < 0) return step > 0 ? 0 : count - 1;
  return Math.max(0, Math.min(count - 1, index + step));
}

/** Owns the list on the page: its keys, its open cases and its filter. */
export class ListPage {
  #closed = new AbortController();
  #list;
  #filter;
  #keys;
  #htmx;

  /**
   * @param {Document} page
   * @param {Htmx} htmx
   */
  constructor(page, htmx) {
    this.#htmx = htmx;
    this.#list = /** @type {HTMLElement} */ (page.getElementById("list"));
    this.#filter = /** @type {HTMLInputElement} */ (page.querySelector("[data-filter]"));
    this.#keys = /** @type {HTMLDialogElement} */ (page.getElementById("keys"));
    const { signal } = this.#closed;
    page.addEventListener("keydown", (event) => this.#press(event), { signal });
    page.addEventListener("htmx:afterSwap", (event) => this.#restore(event), { signal });
    page.addEventListener("htmx:afterSettle", (event) => this.#focusStep(event), { signal });
    this.#list.addEventListener("click", (event) => this.#click(event), { signal });
    this.#filter.addEventListener("input", () => this.#applyFilter(), { signal });
    page
      .querySelector("[data-keys]")
      ?.addEventListener("click", () => this.#showKeys(), { signal });
  }

  close() {
    this.#closed.abort();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.key === "Escape") return this.#giveUp(event);
    if (event.altKey && event.key in MOVES) return this.#move(event);
    if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in MOVES) return this.#step(event);
    if (event.key === "/") this.#take(event, this.#filter);
    if (event.key === "n") this.#take(event, numberBox());
    if (event.key === "m") this.#act(event, "[data-without]");
    if (event.key === "?") this.#showKeys();
  }

  #showKeys() {
    if (!this.#keys.open) this.#keys.showModal();
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLElement | null} box
   */
  #take(event, box) {
    if (!box) return;
    event.preventDefault();
    box.focus();
  }

  /** @param {KeyboardEvent} event */
  #giveUp(event) {
    if (event.target === this.#filter) {
      this.#filter.value = "";
      this.#applyFilter();
      this.#filter.blur();
      return;
    }
    if (!this.#keys.open) this.#act(event, "[data-cancel]");
  }

  /**
   * Press a button of the step of adding a case that stands there.
   *
   * @param {KeyboardEvent} event
   * @param {string} which
   */
  #act(event, which) {
    const button = document.querySelector(`#add ${which}`);
    if (!(button instanceof HTMLElement)) return;
    event.preventDefault();
    button.click();
  }

  /** @returns {HTMLElement[]} the names of the cases that the filter shows */
  #names() {
    const names = this.#list.querySelectorAll("[data-case]:not([hidden]) .lb-case__name");
    return /** @type {HTMLElement[]} */ (Array.from(names));
  }

  /** @param {KeyboardEvent} event */
  #step(event) {
    const names = this.#names();
    if (names.length === 0) return;
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    names[nextIndex(names.indexOf(this.#focused()), step, names.length)].focus();
  }

  /** @returns {HTMLElement} the name on the card that holds the focus */
  #focused() {
    const card = document.activeElement?.closest("[data-case]");
    return /** @type {HTMLElement} */ (card?.querySelector(".lb-case__name"));
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const { id, dataset } = this.#focused() ?? {};
    if (!id || !dataset?.move || !document.getElementById(id.replace("open-", "up-"))) return;
    event.preventDefault();
    const at = Number(dataset.position);
    const to = at + (event.key === "ArrowDown" ? 1 : -1);
    this.#post(dataset.move, { to, if_position: at });
  }

  /**
   * @param {string} path
   * @param {object} values
   */
  #post(path, values) {
    this.#htmx.ajax("post", path, { target: "#list", swap: "innerHTML", values });
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const opener = /** @type {HTMLElement} */ (event.target).closest("[data-opens]");
    if (opener instanceof HTMLElement) this.#toggle(opener);
  }

  /** @param {HTMLElement} opener */
  #toggle(opener) {
    const detail = document.getElementById(opener.dataset.opens ?? "");
    const name = opener.closest("[data-case]")?.querySelector(".lb-case__name");
    if (!(detail instanceof HTMLElement) || !(name instanceof HTMLElement)) return;
    if (detail.hasChildNodes()) {
      detail.replaceChildren();
      name.setAttribute("aria-expanded", "false");
    } else if (name.dataset.studies) {
      this.#htmx.ajax("get", name.dataset.studies, { target: detail, swap: "innerHTML" });
      name.setAttribute("aria-expanded", "true");
    }
  }

  /**
   * A list that came anew knows neither the filter nor which cases stand open.
   *
   * @param {Event} event
   */
  #restore(event) {
    if (event.target !== this.#list) return;
    this.#applyFilter();
    for (const name of this.#names()) {
      const isOpen = document.getElementById(name.dataset.opens ?? "")?.hasChildNodes();
      name.setAttribute("aria-expanded", String(Boolean(isOpen)));
    }
  }

  /**
   * Each step of adding a case begins where the hands are.
   *
   * @param {Event} event
   */
  #focusStep(event) {
    const add = document.getElementById("add");
    if (event.target !== add || !add) return;
    const wrong = add.querySelector(WRONG);
    const first = add.querySelector("[data-focus], input:not([type=hidden]), select");
    const box = wrong ?? first;
    if (box instanceof HTMLElement) box.focus();
    if (wrong instanceof HTMLInputElement && wrong.type === "text") wrong.select();
  }

  #applyFilter() {
    for (const card of Array.from(this.#list.querySelectorAll("[data-case]"))) {
      const words = /** @type {HTMLElement} */ (card).dataset.words ?? "";
      card.toggleAttribute("hidden", !matches(words, this.#filter.value));
    }
  }
}

/** @returns {HTMLElement | null} */
function numberBox() {
  return document.querySelector("#add input:not([type=hidden])");
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.matches("input, textarea, select");
}

if (typeof document !== "undefined" && document.getElementById("list")) {
  const { htmx } = /** @type {{htmx: Htmx}} */ (/** @type {unknown} */ (window));
  new ListPage(document, htmx);
}
