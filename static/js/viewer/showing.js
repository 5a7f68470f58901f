import { FrameSource } from "./frame-source.js";
import { mayCome } from "./patience.js";
import { sentence } from "./words.js";

/** @import { From } from "./frame-source.js" */
/** @import { Picture } from "./types.js" */

/** The series that is open: what there is to show of it, and why not, in words. */
export class Showing {
  #source;
  #trouble = "";
  #isDisplayed = false;

  /**
   * @param {From} from
   * @param {{ changed: (frame: number|null) => void, refused: (error: any) => void }} told -
   *   `changed` by one frame, or (null) by what is said of all
   */
  constructor(from, { changed, refused }) {
    const source = new FrameSource(from);
    this.#source = source;
    source.addEventListener("frame", (event) => {
      this.#trouble = "";
      changed(newsOf(event).number);
    });
    source.addEventListener("trouble", (event) => {
      const { code, message } = newsOf(event);
      this.#trouble = `${said(code, message)}${mayCome(code) ? "" : " Trying again."}`;
      changed(null);
    });
    source.addEventListener("refused", (event) => refused(newsOf(event)));
  }

  /** @param {number} [version] */
  async open(version) {
    const metadata = await this.#source.open(version);
    this.#trouble = "";
    return metadata;
  }

  /**
   * @param {number} frame
   * @param {1|-1} direction
   */
  look(frame, direction) {
    this.#source.look(frame, direction);
  }

  /**
   * What there is of a frame, if it is at least so good.
   *
   * @param {number} frame
   * @param {number} quality - per cent
   */
  picture(frame, quality) {
    const picture = this.#source.picture(frame);
    return picture && qualityOf(picture) >= quality ? picture : null;
  }

  /**
   * Why there is no picture, in words; "" while it is on its way.
   *
   * @param {number|null} frame - null: not even the metadata is here
   */
  why(frame) {
    const code = frame === null ? "" : this.#source.codeOf(frame);
    return code ? said(code) : this.#trouble;
  }

  /** A picture is on the screen: the audit is told once. */
  sayDisplayed() {
    if (this.#isDisplayed) return;
    this.#isDisplayed = true;
    this.#source.displayed().catch(() => {
      this.#isDisplayed = false; // the next picture says it again
    });
  }

  close() {
    this.#source.close();
  }
}

/**
 * Per cent of the full resolution.
 *
 * @param {Picture} picture
 */
export function qualityOf({ level }) {
  return Math.max(1, Math.round(100 / 2 ** level));
}

/**
 * A sentence and its code, as the pane shows them.
 *
 * @param {string} code
 * @param {string} [message]
 */
export function said(code, message) {
  return `${sentence(code, message)} (${code})`;
}

/** @param {Event} event */
function newsOf(event) {
  return /** @type {CustomEvent} */ (event).detail;
}
