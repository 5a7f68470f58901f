/**
 * The last value of its kind, worked out anew only when what it is made from changes.
 *
 * @template T
 */
export class Kept {
  #key = "";
  /** @type {T|null} */
  #value = null;

  /**
   * @param {string} key - names all that the value depends on
   * @param {() => T} make
   * @param {(old: T) => void} [leave] - what has to be given back
   * @returns {T}
   */
  get(key, make, leave) {
    if (this.#value === null || key !== this.#key) {
      if (this.#value !== null) leave?.(this.#value);
      this.#value = make();
      this.#key = key;
    }
    return this.#value;
  }

  /** Gone without being given back: a lost card has nothing any more. */
  forget() {
    this.#value = null;
  }
}
