import { asSecond } from "./data.js";
import { RoomEvent } from "./protocol.js";

/** @import { AnyRoomEvent } from "./protocol.js" */
/** @import { RoomConnection } from "./connection.js" */
/** @import { Sender } from "./sender.js" */
/** @import { Troubles } from "./trouble.js" */

const BLIP_MS = 1000; // a shorter break is not worth a bar
const SMOOTH = 0.2;

/** Watches the line to the room: says when it is lost and since when, wakes it, measures it. */
export class LineWatch {
  /** Milliseconds there and back, smoothed. @type {number|null} */
  latency = null;
  #sender;
  #troubles;
  #closed = new AbortController();
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #blip;

  /** @param {RoomConnection} connection @param {Sender} sender @param {Troubles} troubles */
  constructor(connection, sender, troubles) {
    const { signal } = this.#closed;
    this.#sender = sender;
    this.#troubles = troubles;
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ hear) => {
      const listener = (/** @type {Event} */ event) =>
        hear(/** @type {CustomEvent} */ (event).detail);
      connection.addEventListener(type, listener, { signal });
    };
    on("room.lost", ({ since }) => this.#lost(since));
    on("room.latency", ({ ms }) => this.#measured(ms));
    on("room.closed", ({ code, message }) => this.#final(`${message} (room.${code})`));
    on(RoomEvent.Welcome, () => this.#found());
    const wake = () => document.visibilityState === "visible" && connection.wake();
    document.addEventListener("visibilitychange", wake, { signal });
    for (const type of ["online", "pageshow"]) addEventListener(type, wake, { signal });
  }

  destroy() {
    this.#closed.abort();
    clearTimeout(this.#blip);
  }

  /** One's own message, back from the room, tells how far the room is. @param {AnyRoomEvent} event */
  measure(event) {
    const ms = "fence" in event ? this.#sender.tookFor(event.fence.n) : null;
    if (ms !== null) this.#measured(ms);
  }

  /** @param {number} ms */
  #measured(ms) {
    this.latency = this.latency === null ? ms : this.latency * (1 - SMOOTH) + ms * SMOOTH;
  }

  /** @param {number} since - when the room was last heard */
  #lost(since) {
    clearTimeout(this.#blip);
    const text = `Connection lost, trying again. PICTURE AS OF ${asSecond(since)}. What you type is kept. (room.lost)`;
    this.#blip = setTimeout(() => this.#troubles.set("lost", { text }), BLIP_MS);
  }

  #found() {
    clearTimeout(this.#blip);
    this.#troubles.set("lost", null);
  }

  /** @param {string} message */
  #final(message) {
    this.#found();
    this.#troubles.set("closed", { text: message });
  }
}
