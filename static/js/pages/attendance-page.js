/**
 * Attendance by keyboard: up and down go along the people, the browser's own Space ticks.
 *
 * A tick that was not kept, because the server refused it or did not answer, is taken off again:
 * nobody is to believe that somebody counts who does not.
 */

import { nextIndex } from "./list-page.js";

/** Owns the arrow keys of the page, and what its tick boxes say. */
export class AttendancePage {
  #closed = new AbortController();
  #page;

  /** @param {Document} page */
  constructor(page) {
    this.#page = page;
    const { signal } = this.#closed;
    page.addEventListener("keydown", (event) => this.#press(event), { signal });
    page.addEventListener("htmx:afterRequest", (event) => this.#takeBack(event), { signal });
  }

  close() {
    this.#closed.abort();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.key === "ArrowDown") this.#step(event, 1);
    if (event.key === "ArrowUp") this.#step(event, -1);
  }

  /** @param {Event} event */
  #takeBack(event) {
    const { successful } = /** @type {CustomEvent} */ (event).detail;
    const box = event.target;
    if (!successful && box instanceof HTMLInputElement) box.checked = box.defaultChecked;
  }

  /**
   * @param {KeyboardEvent} event
   * @param {1 | -1} step
   */
  #step(event, step) {
    const boxes = /** @type {HTMLElement[]} */ (
      Array.from(this.#page.querySelectorAll("[data-tick]"))
    );
    if (boxes.length === 0) return;
    event.preventDefault();
    const at = boxes.indexOf(/** @type {HTMLElement} */ (this.#page.activeElement));
    boxes[nextIndex(at, step, boxes.length)].focus();
  }
}

if (typeof document !== "undefined" && document.getElementById("attendance")) {
  new AttendancePage(document);
}
