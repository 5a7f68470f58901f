/** @import { Frame, Image, Picture } from "./types.js" */
/** @typedef {{ worker: string, codec: string, wasm: string }} Assets - the URLs the page gives */
/** @typedef {{ signal: AbortSignal, isFirst: boolean }} Wish - `isFirst`: before all that wait */
/** @typedef {{ id: number, message: object, transfer: Transferable[], signal: AbortSignal, resolve: (answer: any) => void, reject: (error: Error) => void }} Job */
/** @typedef {{ worker: Worker, job: Job|null, isOpen: boolean }} Seat */

/** A frame could not be turned into samples; `code` is one of words.js. */
export class DecodeError extends Error {
  /** @param {string} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** Workers that decode, shared by the panes of a page: one codec instance each. */
export class DecoderPool {
  /** @type {DecoderPool|null} */
  static #one = null;
  #assets;
  #users = 0;
  #nextId = 1;
  /** @type {Seat[]} */
  #seats = [];
  /** @type {Job[]} */
  #waiting = [];

  /**
   * The page's pool; each borrower gives it back with `release`.
   *
   * @param {Assets} assets
   */
  static borrow(assets) {
    DecoderPool.#one ??= new DecoderPool(assets);
    DecoderPool.#one.#users++;
    return DecoderPool.#one;
  }

  /** @param {Assets} assets */
  constructor(assets) {
    this.#assets = assets;
    const count = Math.max(1, Math.min(4, (navigator.hardwareConcurrency || 2) - 1));
    for (let i = 0; i < count; i++) this.#seats.push(this.#seat());
  }

  release() {
    if (--this.#users > 0) return;
    for (const { worker } of this.#seats) worker.terminate();
    this.#seats = [];
    DecoderPool.#one = null;
  }

  /**
   * The whole frame when `level` is 0, checked against its crc32; else a smaller picture from
   * the first of its bytes, unchecked. `bytes` are given away. Rejects with a DecodeError, or
   * with the reason of the signal when it was given up while it waited.
   *
   * @param {Uint8Array} bytes
   * @param {Image} image
   * @param {Frame} frame
   * @param {number} level
   * @param {Wish} wish
   * @returns {Promise<Picture>}
   */
  async decode(bytes, image, frame, level, wish) {
    const { kind, is_signed: isSigned } = image;
    const columns = Math.ceil(image.columns / 2 ** level);
    const rows = Math.ceil(image.rows / 2 ** level);
    const size = columns * rows * (kind === "rgb8" ? 3 : 2);
    const message = { bytes, level, size, crc32: frame.crc32 };
    const { samples } = await this.#run(message, [bytes.buffer], wish);
    const Samples = kind === "rgb8" ? Uint8Array : isSigned ? Int16Array : Uint16Array;
    return { samples: new Samples(samples), columns, rows, level, kind, isSigned };
  }

  /**
   * @param {object} message
   * @param {Transferable[]} transfer
   * @param {Wish} wish
   * @returns {Promise<any>}
   */
  #run(message, transfer, { signal, isFirst }) {
    if (this.#seats.length === 0) throw new DecodeError("decoder.missing");
    return new Promise((resolve, reject) => {
      const job = { id: this.#nextId++, message, transfer, signal, resolve, reject };
      if (isFirst) this.#waiting.unshift(job);
      else this.#waiting.push(job);
      this.#next();
    });
  }

  #next() {
    for (const seat of this.#seats) {
      if (!seat.isOpen || seat.job) continue;
      const job = this.#take();
      if (!job) return;
      seat.job = job;
      seat.worker.postMessage({ ...job.message, id: job.id }, job.transfer);
    }
  }

  /**
   * The next job that is still wanted.
   *
   * @returns {Job|undefined}
   */
  #take() {
    const job = this.#waiting.shift();
    if (!job?.signal.aborted) return job;
    job.reject(job.signal.reason);
    return this.#take();
  }

  /** @returns {Seat} */
  #seat() {
    const worker = new Worker(this.#assets.worker);
    /** @type {Seat} */
    const seat = { worker, job: null, isOpen: false };
    worker.addEventListener("message", ({ data }) => this.#answered(seat, data));
    worker.addEventListener("error", () => this.#broken(seat));
    worker.postMessage({ id: 0, codec: this.#assets.codec, wasm: this.#assets.wasm });
    return seat;
  }

  /**
   * @param {Seat} seat
   * @param {{ id: number, code?: string, samples?: ArrayBuffer }} answer
   */
  #answered(seat, answer) {
    if (answer.code === "decoder.missing") return this.#broken(seat);
    const { job } = seat;
    seat.isOpen = true;
    seat.job = null;
    if (job && answer.code) job.reject(new DecodeError(answer.code));
    else job?.resolve(answer);
    this.#next();
  }

  /**
   * A worker that died takes its frame with it and is replaced; one that never opened is not,
   * and without any the page says so.
   *
   * @param {Seat} seat
   */
  #broken(seat) {
    seat.worker.terminate();
    seat.job?.reject(new DecodeError("frame.undecodable"));
    const next = seat.isOpen ? [this.#seat()] : [];
    this.#seats.splice(this.#seats.indexOf(seat), 1, ...next);
    if (this.#seats.length > 0) return;
    for (const job of this.#waiting.splice(0)) job.reject(new DecodeError("decoder.missing"));
  }
}
