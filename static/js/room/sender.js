/** @import { AnyRoomCommand, Fence } from "./protocol.js" */
/** @typedef {{ isFull: boolean, sendEphemeral: (command: AnyRoomCommand) => void }} Line */

/** A fenced command as it will be, but for its fence. @typedef {(fence: Fence) => AnyRoomCommand} Make */

const SETTLED_MS = 250;
const LAYOUT = "layout";
const POINTER = "pointer";

/**
 * How many of a kind are sent a second at most, whatever the screen's own rate: the room drops what
 * is more than it takes, and it would be pictures. What hangs where is never held back.
 */
const RATES = { pointer: 30, others: 60 };

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
  /** When the next one of a kind is due. @type {Map<string, number>} */
  #due = new Map();
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
    for (const [key, make] of inOrder(this.#next)) {
      if (!this.#isDue(key)) continue;
      this.#send(make);
      this.#next.delete(key);
      this.#last.set(key, make);
    }
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#sendAgain(), SETTLED_MS);
    if (this.#next.size > 0) this.#ask(); // the newest of what had to wait
  }

  /**
   * No screen's frames are even: one may come early, as long as not too many come in all.
   *
   * @param {string} key - counted as sent where it is due
   */
  #isDue(key) {
    if (key === LAYOUT) return true;
    const between = 1000 / (key === POINTER ? RATES.pointer : RATES.others);
    const now = this.#clock.now();
    const due = Math.max(this.#due.get(key) ?? 0, now);
    if (due - now > between) return false;
    this.#due.set(key, due + between);
    return true;
  }

  #sendAgain() {
    for (const [, make] of inOrder(this.#last)) this.#send(make);
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

/**
 * A view is of the series that hangs, and a point is on the picture that is shown.
 *
 * @param {Map<string, Make>} next
 */
function inOrder(next) {
  const rank = (/** @type {string} */ key) => (key === LAYOUT ? 0 : key === POINTER ? 2 : 1);
  return [...next].sort(([one], [other]) => rank(one) - rank(other));
}

const BROWSER = {
  /** @param {() => void} draw */
  frame: (draw) => requestAnimationFrame(draw),
  now: () => performance.now(),
};
