import { h, Part } from "./dom.js";

/** @typedef {{ text: string, act?: string, run?: () => void }} Trouble */

/** In the order of harm: the first is on top. */
const ORDER = ["closed", "lost", "reload", "presenter", "refused", "undo", "tab"];

/** What is wrong, in words, at the top of the pictures. Never a modal: the picture stays. */
export class Troubles {
  #part;
  /** @type {Map<string, Trouble>} */
  #now = new Map();
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();

  /** @param {HTMLElement} element - a live region */
  constructor(element) {
    this.#part = new Part(element);
  }

  /** @param {string} key - one of ORDER @param {Trouble|null} trouble - null: it is over */
  set(key, trouble) {
    if (!trouble) this.#now.delete(key);
    else this.#now.set(key, trouble);
    this.#show();
  }

  /** @param {string} key @param {Trouble} trouble @param {number} ms - how long it is offered */
  setFor(key, trouble, ms) {
    clearTimeout(this.#timers.get(key));
    this.set(key, trouble);
    this.#timers.set(
      key,
      setTimeout(() => this.set(key, null), ms),
    );
  }

  #show() {
    const rows = ORDER.flatMap((key) => {
      const trouble = this.#now.get(key);
      return trouble ? [{ key, ...trouble }] : [];
    });
    this.#part.show(
      rows.map(({ key, text, act }) => [key, text, act]),
      () => rows.map((row) => this.#bar(row)),
    );
  }

  /** @param {Trouble & { key: string }} trouble */
  #bar({ key, text, act, run }) {
    const click = () => {
      this.set(key, null);
      run?.();
    };
    return h(
      "p",
      { class: `bar bar--${key}` },
      h("span", {}, text),
      act &&
        h(
          "button",
          { class: "button button--small", type: "button", "data-key": key, onclick: click },
          act,
        ),
    );
  }
}
