/**
 * What a button stands for may change under the finger: the next patient's, or the next step. What
 * is offered anew in the same place takes no click until a hand that was on its way has come down.
 */
export const REST_MS = 500;

export class Rest {
  #offered = "";
  #since = -REST_MS;

  /**
   * @param {string} what - patient, version and step
   * @param {number} now - in milliseconds
   * @returns {boolean} whether it is offered anew
   */
  offer(what, now) {
    if (what === this.#offered) return false;
    this.#offered = what;
    this.#since = now;
    return true;
  }

  /** @param {number} now */
  isOver(now) {
    return now - this.#since >= REST_MS;
  }
}
