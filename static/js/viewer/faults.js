const TRIES = 2;

/** What cannot be had, and why: frames that arrive damaged, segments the server does not give. */
export class Faults {
  /** @type {Map<number, { tries: number, code: string }>} */
  #frames = new Map();
  /** @type {Map<number, { tries: number, isResting: boolean }>} */
  #segments = new Map();

  /**
   * A frame arrived damaged: once more, then never again.
   *
   * @param {number} number
   * @param {string} code
   */
  damaged(number, code) {
    const tries = (this.#frames.get(number)?.tries ?? 0) + 1;
    const isFinal = tries >= TRIES || code === "decoder.missing";
    this.#frames.set(number, { tries, code: isFinal ? code : "" });
  }

  /**
   * The server refused a part of a segment. Several parts asked for at once are refused at once,
   * and count once.
   *
   * @param {number} segment
   * @returns {"begins to rest"|"rests"|"given up"}
   */
  refused(segment) {
    const { tries, isResting } = this.#segments.get(segment) ?? { tries: 0, isResting: false };
    if (isResting) return "rests";
    const isFinal = tries + 1 >= TRIES;
    this.#segments.set(segment, { tries: tries + 1, isResting: !isFinal });
    return isFinal ? "given up" : "begins to rest";
  }

  /** @param {number} segment - that may be asked again now */
  rested(segment) {
    const known = this.#segments.get(segment);
    if (known) known.isResting = false;
  }

  /** Somebody looks at it again: it is asked for once. @param {number|null} segment */
  forgive(segment) {
    if (segment === null || !this.isGivenUp(segment)) return;
    this.#segments.set(segment, { tries: TRIES - 1, isResting: false });
  }

  /** What the server may give now that it has newer metadata. */
  forgiveAll() {
    this.#segments.clear();
  }

  /** It came after all. @param {number|null} segment */
  came(segment) {
    if (segment !== null) this.#segments.delete(segment);
  }

  /** @param {number} segment */
  isGivenUp(segment) {
    return (this.#segments.get(segment)?.tries ?? 0) >= TRIES;
  }

  /**
   * Why a frame is not to be had, as a code of words.js; "" where nothing is wrong.
   *
   * @param {number} number
   * @param {number|null} segment - it lies in
   */
  codeOf(number, segment) {
    const own = this.#frames.get(number)?.code ?? "";
    return own || (segment !== null && this.isGivenUp(segment) ? "frame.not_served" : "");
  }

  /** @param {number} number @param {number|null} segment @returns {boolean} whether to leave it alone */
  holdsBack(number, segment) {
    const isResting = segment !== null && (this.#segments.get(segment)?.isResting ?? false);
    return isResting || this.codeOf(number, segment) !== "";
  }
}
