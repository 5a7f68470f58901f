/** Sends the files of a CD in parts, several at once, and says how far it is. */

import { HttpError, postBytes, postJson } from "../shared/http.js";
import { $, el } from "../shared/dom.js";

const AT_ONCE = 3;
const TRIES = 5;
const TRIES_OF_THE_END = 2;
const WAIT_MS = 1000;
const MB = 1e6;

/**
 * How far an upload is, in words: "412 of 1,180 MB, about 2 min left".
 *
 * @param {number} sent bytes
 * @param {number} total bytes
 * @param {number} elapsed ms
 */
export function progressWords(sent, total, elapsed) {
  const done = `${inMb(sent)} of ${inMb(total)} MB`;
  if (sent === 0 || elapsed < 2000) return done;
  const seconds = ((total - sent) / sent) * (elapsed / 1000);
  if (seconds < 90) return `${done}, about ${Math.max(1, Math.round(seconds))} s left`;
  return `${done}, about ${Math.round(seconds / 60)} min left`;
}

/** @param {number} bytes */
function inMb(bytes) {
  return Math.ceil(bytes / MB).toLocaleString("en-GB");
}

/** @typedef {{size: number, slice(from: number, to: number): Blob}} Sendable */
/** @typedef {{at: number, to: number}} Part */

/**
 * The parts of a file, each of at most `most` bytes.
 *
 * @param {number} size
 * @param {number} most
 * @returns {Part[]}
 */
export function partsOf(size, most) {
  const parts = [];
  for (let at = 0; at < size; at += most) parts.push({ at, to: Math.min(size, at + most) });
  return parts;
}

/** One upload on its way. Tells `onSent` the bytes of each part that arrived. */
export class Sending {
  #url;
  #files;
  #onSent;
  #signal;
  #post;
  #next = 0;
  #isUnsure = false;

  /**
   * @param {string} url where uploads begin
   * @param {Sendable[]} files without empty ones
   * @param {(bytes: number) => void} onSent
   * @param {AbortSignal} signal
   * @param {{postJson: typeof postJson, postBytes: typeof postBytes}} [http]
   */
  constructor(url, files, onSent, signal, http = { postJson, postBytes }) {
    this.#url = url;
    this.#files = files;
    this.#onSent = onSent;
    this.#signal = signal;
    this.#post = http;
  }

  /** Whether the end was said and nobody knows if it was heard: all may be taken, or nothing. */
  get isUnsure() {
    return this.#isUnsure;
  }

  /**
   * Rejects where not all was taken, or it is not known to be.
   *
   * @param {string} trust
   */
  async send(trust) {
    const signal = this.#signal;
    const { id, part_bytes } = await this.#post.postJson(this.#url, { trust }, { signal });
    const here = `${this.#url}/${id}`;
    const size = this.#files.reduce((sum, file) => sum + file.size, 0);
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, () => this.#work(here, part_bytes)));
      this.#isUnsure = true;
      await this.#again(TRIES_OF_THE_END, () =>
        this.#post.postJson(`${here}/done`, { files: this.#files.length, size }, { signal }),
      );
      this.#isUnsure = false;
    } catch (failure) {
      this.#next = this.#files.length;
      if (!(await this.#isTakenAfterAll(here))) throw failure;
    }
  }

  /**
   * Gives up: what did not come in whole is removed there. If even that is not heard, it goes after
   * a day. The server refuses this end, unless it heard another before and has taken everything.
   *
   * @param {string} here
   * @returns {Promise<boolean>}
   */
  async #isTakenAfterAll(here) {
    try {
      await this.#post.postJson(`${here}/done`, { files: 0, size: 0 });
      return true;
    } catch (failure) {
      if (failure instanceof HttpError && !failure.mayRetry) this.#isUnsure = false;
      return false;
    }
  }

  /**
   * @param {string} here
   * @param {number} most
   */
  async #work(here, most) {
    while (this.#next < this.#files.length) {
      const index = this.#next++;
      const file = this.#files[index];
      for (const { at, to } of partsOf(file.size, most)) {
        await this.#part(`${here}/files/${index + 1}/${at}`, file.slice(at, to));
        this.#onSent(to - at);
      }
    }
  }

  /**
   * @param {string} url
   * @param {Blob} part
   */
  #part(url, part) {
    const post = () => this.#post.postBytes(url, part, { signal: this.#signal });
    return this.#again(TRIES, post);
  }

  /**
   * What found no answer is sent again: the server knows what it has.
   *
   * @param {number} most
   * @param {() => Promise<any>} post
   */
  async #again(most, post) {
    for (let tries = 1; ; tries++) {
      try {
        return await post();
      } catch (failure) {
        const mayRetry = failure instanceof HttpError && failure.mayRetry && tries < most;
        if (!mayRetry || this.#signal.aborted) throw failure;
        await new Promise((resolve) => setTimeout(resolve, WAIT_MS * tries));
      }
    }
  }
}

/** Owns the form: its files, its progress, its refusals. */
export class UploadPage {
  #closed = new AbortController();
  #stop = new AbortController();
  #form;
  /** @type {Sending | null} */
  #sending = null;
  #isSending = false;

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#form = form;
    const { signal } = this.#closed;
    form.addEventListener("submit", (event) => void this.#submit(event), { signal });
    $("#upload-stop", form).addEventListener("click", () => this.#stop.abort(), { signal });
    for (const id of ["files", "folder"]) {
      $(`#${id}`, form).addEventListener("change", () => this.#chooseOne(id), { signal });
    }
    window.addEventListener("beforeunload", (event) => this.#leave(event), { signal });
  }

  close() {
    this.#closed.abort();
    this.#stop.abort();
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    if (this.#isSending) return;
    const files = this.#chosen();
    if (files.length === 0) return this.#refuse("Choose a zip, files or a folder.", "upload.empty");
    this.#begin();
    try {
      await this.#send(files);
      this.#end("All has come in. What became of it is said below; you may leave this page.");
      this.#form.reset();
    } catch (failure) {
      this.#fail(failure);
    }
    document.body.dispatchEvent(new CustomEvent("uploaded"));
  }

  /** @param {File[]} files */
  #send(files) {
    const total = files.reduce((sum, file) => sum + file.size, 0);
    const begun = performance.now();
    let sent = 0;
    const onSent = (/** @type {number} */ bytes) => {
      sent += bytes;
      this.#show(sent / total, progressWords(sent, total, performance.now() - begun));
    };
    this.#show(0, progressWords(0, total, 0));
    this.#sending = new Sending(this.#form.dataset.begin ?? "", files, onSent, this.#stop.signal);
    return this.#sending.send(/** @type {HTMLSelectElement} */ ($("#trust", this.#form)).value);
  }

  /** @returns {File[]} those with something in them */
  #chosen() {
    const inputs = ["#files", "#folder"].map((id) => $(id, this.#form));
    const all = inputs.flatMap((input) =>
      Array.from(/** @type {HTMLInputElement} */ (input).files ?? []),
    );
    return all.filter((file) => file.size > 0);
  }

  /**
   * Files or a folder: what was chosen last counts.
   *
   * @param {string} id
   */
  #chooseOne(id) {
    const other = $(id === "files" ? "#folder" : "#files", this.#form);
    /** @type {HTMLInputElement} */ (other).value = "";
    $("#upload-refusal").replaceChildren();
  }

  #begin() {
    this.#stop = new AbortController();
    this.#setSending(true);
    $("#upload-refusal").replaceChildren();
  }

  /** @param {string} words */
  #end(words) {
    this.#setSending(false);
    $(".upload__words", this.#form).textContent = words;
  }

  /** @param {boolean} isSending */
  #setSending(isSending) {
    this.#isSending = isSending;
    /** @type {HTMLButtonElement} */ ($("#upload-send", this.#form)).disabled = isSending;
    $("#upload-stop", this.#form).hidden = !isSending;
    $("#upload-progress", this.#form).hidden = false;
  }

  /**
   * @param {number} part of the whole, 0 to 1
   * @param {string} words
   */
  #show(part, words) {
    /** @type {HTMLProgressElement} */ ($("progress", this.#form)).value = part;
    $(".upload__words", this.#form).textContent = words;
  }

  /** @param {unknown} failure */
  #fail(failure) {
    this.#setSending(false);
    $("#upload-progress", this.#form).hidden = true;
    const became = this.#sending?.isUnsure
      ? "Whether it was taken is not known: look again below before you send it anew."
      : "Nothing was taken.";
    if (this.#stop.signal.aborted) return this.#refuse(`Stopped. ${became}`, "");
    this.#stop.abort();
    if (!(failure instanceof HttpError)) throw failure;
    this.#refuse(`${failure.message} ${became}`, failure.code);
  }

  /**
   * @param {string} message
   * @param {string} code
   */
  #refuse(message, code) {
    const box = el("div", { class: "nhsuk-error-summary lb-refusal" });
    box.append(el("p", { class: "lb-refusal__message" }, message));
    if (code) box.append(el("p", { class: "lb-refusal__code" }, code));
    $("#upload-refusal").replaceChildren(box);
  }

  /** @param {BeforeUnloadEvent} event */
  #leave(event) {
    if (this.#isSending) event.preventDefault();
  }
}

if (typeof document !== "undefined") {
  const form = document.getElementById("upload");
  if (form instanceof HTMLFormElement) new UploadPage(form);
}
