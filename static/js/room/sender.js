/** @import { AnyRoomCommand, Fence } from "./protocol.js" */
/** @typedef {{ isFull: boolean, sendEphemeral: (command: AnyRoomCommand) => void }} Line */

/** A fenced command as it will be, but for its fence. @typedef {(fence: Fence) => AnyRoomCommand} Make */

const SETTLED_MS = 250;

/**
 * Sends pictures, pointers and half drawn marks: at most one of a kind an animation frame, only
 * when it changed, never onto a full line; and the last one again once it settled, so that a lost
 * tail leaves nobody one slice off.
 */
export class Sender {
  #line;
  #where;
  #clock;
  /** @type {Map<string, Make>} */
  #next = new Map();
  /** @type {Map<string, Make>} */
  #last = new Map();
  #isAsked = false;
  #n = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #settle;
  /** @type {Map<number, number>} */
  #sentAt = new Map();

  /**
   * @param {Line} line
   * @param {() => { case: number, term: number }} where - the room's place now
   * @param {{ frame: (draw: () => void) => unknown, now: () => number }} [clock]
   */
  constructor(line, where, clock = BROWSER) {
    this.#line = line;
    this.#where = where;
    this.#clock = clock;
  }

  /** @param {string} key - a newer one of the same key replaces it @param {Make} make */
  offer(key, make) {
    this.#next.set(key, make);
    this.#ask();
  }

  /** What was meant for the last picture of a kind is not said any more. @param {string} key */
  withdraw(key) {
    this.#next.delete(key);
    this.#last.delete(key);
  }

  /** A new case or presenter: what was meant for the last one is not said any more. */
  forget() {
    this.#next.clear();
    this.#last.clear();
    clearTimeout(this.#settle);
  }

  /**
   * How long one of this tab's own messages took there and back.
   *
   * @param {number} n - of its fence
   * @returns {number|null} milliseconds
   */
  tookFor(n) {
    const sentAt = this.#sentAt.get(n);
    this.#sentAt.delete(n);
    return sentAt === undefined ? null : this.#clock.now() - sentAt;
  }

  #ask() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#clock.frame(() => this.#flush());
  }

  #flush() {
    this.#isAsked = false;
    if (this.#next.size === 0) return;
    if (this.#line.isFull) return this.#ask();
    for (const [key, make] of this.#next) {
      this.#send(make);
      this.#last.set(key, make);
    }
    this.#next.clear();
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#sendAgain(), SETTLED_MS);
  }

  #sendAgain() {
    for (const make of this.#last.values()) this.#send(make);
    this.#last.clear();
  }

  /** @param {Make} make */
  #send(make) {
    this.#n = Math.max(this.#n + 1, Date.now()); // from the clock: a reloaded tab counts on
    this.#sentAt.set(this.#n, this.#clock.now());
    if (this.#sentAt.size > 50) this.#sentAt.clear();
    const { case: caseSeq, term } = this.#where();
    this.#line.sendEphemeral(make({ case: caseSeq, term, n: this.#n }));
  }
}

const BROWSER = {
  /** @param {() => void} draw */
  frame: (draw) => requestAnimationFrame(draw),
  now: () => performance.now(),
};
