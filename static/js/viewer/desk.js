import * as defaultHttp from "../shared/http.js";
import { DecoderPool } from "./decoder-pool.js";
import { Shelves } from "./shelf.js";
import { Turns } from "./turns.js";
import { WarmSeries } from "./warm-series.js";

/** @import { Http } from "../shared/http.js" */
/** @import { Assets } from "./decoder-pool.js" */

/**
 * What the panes of a page have in common: the frames that are here, whose turn it is to fetch, and
 * the decoders, which live as long as the page: loading them anew for each case would cost more than
 * a picture takes.
 */
export class Desk {
  #http;
  #pool;
  #shelves = new Shelves();
  turns = new Turns();

  /** @param {Assets} assets @param {Http} [http] */
  constructor(assets, http = defaultHttp) {
    this.#http = http;
    this.#pool = DecoderPool.borrow(assets);
  }

  /** What an ImagePane of this page is made with. */
  get shared() {
    return { shelves: this.#shelves, turns: this.turns };
  }

  /**
   * Make a series ready before anybody looks; until it is closed.
   *
   * @param {{ series: string, version: number, caseId: string }} what
   */
  warm(what) {
    const { turns } = this;
    return new WarmSeries({
      ...what,
      turns,
      http: this.#http,
      pool: this.#pool,
      shelves: this.#shelves,
    });
  }

  /** It is not to be seen any more. @param {string} series */
  forget(series) {
    this.#shelves.drop(series);
  }

  destroy() {
    this.#shelves.clear();
    this.#pool.release();
  }
}
