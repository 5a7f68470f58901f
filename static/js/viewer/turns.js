const QUIET_MS = 400;

/**
 * Who goes first on a page: what somebody wants to look at, before what is only made ready. A lull
 * begins when nobody has wanted anything for a while, and ends the moment somebody does.
 */
export class Turns {
  #quiet;
  /** @type {Set<object>} */
  #wanting = new Set();
  /** @type {AbortController|null} */
  #lull = null;
  /** @type {((signal: AbortSignal) => void)[]} */
  #waiting = [];
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;

  /** @param {number} [quiet] - milliseconds */
  constructor(quiet = QUIET_MS) {
    this.#quiet = quiet;
  }

  /** Somebody looks at something, or fetches it; `end` says that it is done. @param {object} who */
  begin(who) {
    this.#wanting.add(who);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lull?.abort();
    this.#lull = null;
  }

  /** @param {object} who */
  end(who) {
    if (this.#wanting.delete(who)) this.#settle();
  }

  /** @returns {Promise<AbortSignal>} once nobody wants anything; aborted when somebody does again */
  lull() {
    if (this.#lull) return Promise.resolve(this.#lull.signal);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#settle();
    });
  }

  #settle() {
    if (this.#wanting.size > 0 || this.#waiting.length === 0) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const lull = new AbortController();
      this.#lull = lull;
      for (const resolve of this.#waiting.splice(0)) resolve(lull.signal);
    }, this.#quiet);
  }
}
