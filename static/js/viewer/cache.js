/**
 * Values by key, bounded in bytes; the least recently used go first.
 *
 * @template K, V
 */
export class ByteCache {
  #budget;
  #bytes = 0;
  /** @type {Map<K, { value: V, bytes: number }>} */
  #held = new Map();

  /** @param {number} budget - bytes */
  constructor(budget) {
    this.#budget = budget;
  }

  get bytes() {
    return this.#bytes;
  }

  get size() {
    return this.#held.size;
  }

  /** @param {K} key */
  has(key) {
    return this.#held.has(key);
  }

  /**
   * @param {K} key
   * @returns {V|undefined}
   */
  get(key) {
    const held = this.#held.get(key);
    if (held) {
      this.#held.delete(key);
      this.#held.set(key, held);
    }
    return held?.value;
  }

  /**
   * What is put is kept, whatever its size; others make room.
   *
   * @param {K} key
   * @param {V} value
   * @param {number} bytes
   */
  put(key, value, bytes) {
    this.delete(key);
    this.#held.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#budget || oldest === key) return;
      this.delete(oldest);
    }
  }

  /**
   * Keep the newest of what is held, so many bytes at most.
   *
   * @param {number} bytes
   */
  trim(bytes) {
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= bytes) return;
      this.delete(oldest);
    }
  }

  /** @param {K} key */
  delete(key) {
    this.#bytes -= this.#held.get(key)?.bytes ?? 0;
    this.#held.delete(key);
  }

  clear() {
    this.#held.clear();
    this.#bytes = 0;
  }
}
