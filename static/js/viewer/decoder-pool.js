/** @import { Frame, Image, Picture } from "./types.js" */
/** @typedef {{ worker: string, codec: string, wasm: string }} Assets - the URLs the page gives */
/** @typedef {{ id: number, message: object, transfer: Transferable[], resolve: (answer: any) => void, reject: (error: Error) => void }} Job */
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
   * the first of its bytes, unchecked. `bytes` are given away.
   *
   * @param {Uint8Array} bytes
   * @param {Image} image
   * @param {Frame} frame
   * @param {number} level
   * @returns {Promise<Picture>}
   */
  async decode(bytes, image, frame, level) {
    const { kind, is_signed: isSigned } = image;
    const columns = Math.ceil(image.columns / 2 ** level);
    const rows = Math.ceil(image.rows / 2 ** level);
    const size = columns * rows * (kind === "rgb8" ? 3 : 2);
    const message = { bytes, level, size, crc32: level === 0 ? frame.crc32 : null };
    const { samples } = await this.#run(message, [bytes.buffer]);
    const Samples = kind === "rgb8" ? Uint8Array : isSigned ? Int16Array : Uint16Array;
    return { samples: new Samples(samples), columns, rows, level, kind, isSigned };
  }

  /**
   * @param {object} message
   * @param {Transferable[]} transfer
   * @returns {Promise<any>}
   */
  #run(message, transfer) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id: this.#nextId++, message, transfer, resolve, reject });
      this.#next();
    });
  }

  #next() {
    for (const seat of this.#seats) {
      if (!seat.isOpen || seat.job) continue;
      const job = this.#waiting.shift();
      if (!job) return;
      seat.job = job;
      seat.worker.postMessage({ ...job.message, id: job.id }, job.transfer);
    }
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
    if (answer.code === "decoder.missing") return this.#refuseAll(answer.code);
    const { job } = seat;
    seat.isOpen = true;
    seat.job = null;
    if (job && answer.code) job.reject(new DecodeError(answer.code));
    else job?.resolve(answer);
    this.#next();
  }

  /**
   * A worker that died takes its frame with it and is replaced; one that never opened is not.
   *
   * @param {Seat} seat
   */
  #broken(seat) {
    seat.worker.terminate();
    seat.job?.reject(new DecodeError("frame.undecodable"));
    if (!seat.isOpen) return this.#refuseAll("decoder.missing");
    this.#seats[this.#seats.indexOf(seat)] = this.#seat();
  }

  /** @param {string} code */
  #refuseAll(code) {
    for (const job of this.#waiting.splice(0)) job.reject(new DecodeError(code));
  }
}
