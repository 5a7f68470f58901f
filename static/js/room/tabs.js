import { uuid } from "../shared/ids.js";

const KEY = "lightbox-tab";

/**
 * This tab's own name. It survives a reload, because it is put back when the page goes; a tab that
 * was duplicated finds none, and so never speaks in the name of the other.
 *
 * @param {Storage} [storage]
 * @param {EventTarget} [page]
 * @returns {string}
 */
export function tabName(storage = sessionStorage, page = window) {
  const name = storage.getItem(KEY) ?? uuid();
  storage.removeItem(KEY);
  page.addEventListener("pagehide", () => storage.setItem(KEY, name));
  page.addEventListener("pageshow", () => storage.removeItem(KEY));
  return name;
}

/** Notices other tabs of this browser in the same meeting: their person counts once. */
export class OtherTabs {
  #channel;
  #tab;
  #tell;
  /** @type {Set<string>} */
  #others = new Set();

  /** @param {string} meetingId @param {string} tab @param {(count: number) => void} tell */
  constructor(meetingId, tab, tell) {
    this.#tab = tab;
    this.#tell = tell;
    this.#channel = new BroadcastChannel(`lightbox-${meetingId}`);
    this.#channel.addEventListener("message", ({ data }) => this.#hear(data));
    this.#say("asks");
    addEventListener("pagehide", () => this.#say("goes"));
  }

  /** @param {"asks"|"is here"|"goes"} what */
  #say(what) {
    this.#channel.postMessage({ tab: this.#tab, what });
  }

  /** @param {{ tab: string, what: string }} message */
  #hear({ tab, what }) {
    if (what === "goes") this.#others.delete(tab);
    else this.#others.add(tab);
    if (what === "asks") this.#say("is here");
    this.#tell(this.#others.size);
  }
}
