import { el } from "../shared/dom.js";
import { NoWebGl2, Renderer } from "./renderer.js";

/** @import { Limits } from "./renderer.js" */
/** @import { Size } from "./types.js" */
/** @typedef {{ draw: () => void, sized: () => void, lost: () => void }} Director */

/**
 * The canvas of a pane: as many canvas pixels as the screen has, drawn at most once between two
 * animation frames and only when asked, built again when the graphics card was taken away.
 */
export class Stage {
  canvas = el("canvas", { class: "pane-canvas" });
  #director;
  #observer;
  #request = 0;
  #isDue = false;
  #dpr = 1;
  /** @type {Renderer|null} */
  #renderer = null;
  #gone = new AbortController();

  /**
   * @param {Director} director
   * @param {Limits} [limits]
   */
  constructor(director, limits) {
    this.#director = director;
    this.canvas.width = this.canvas.height = 1; // until it is laid out
    this.#observer = new ResizeObserver(([entry]) => this.#resized(entry));
    observe(this.#observer, this.canvas);
    try {
      this.#renderer = new Renderer(this.canvas, limits);
    } catch (error) {
      if (!(error instanceof NoWebGl2)) throw error;
      return;
    }
    const { signal } = this.#gone;
    this.canvas.addEventListener("webglcontextlost", (event) => this.#lost(event), { signal });
    this.canvas.addEventListener("webglcontextrestored", () => this.#restored(), { signal });
  }

  /** @returns {string} why nothing can be drawn, as a code of words.js; "" while it can */
  get trouble() {
    if (!this.#renderer) return "viewer.no_webgl2";
    return this.#renderer.isLost ? "viewer.context_lost" : "";
  }

  /** @returns {Renderer|null} null while there is nothing to draw with */
  get renderer() {
    return this.#renderer?.isLost ? null : this.#renderer;
  }

  /** @returns {Size} in canvas pixels */
  get size() {
    return { width: this.canvas.width, height: this.canvas.height };
  }

  /** @returns {number} canvas pixels in a CSS pixel */
  get dpr() {
    return this.#dpr;
  }

  get isSized() {
    return this.canvas.width > 1 && this.canvas.height > 1;
  }

  /** With the next animation frame. */
  redraw() {
    this.#isDue = true;
    this.#ask();
  }

  /** At once; a second time before the next animation frame, with that frame. */
  drawSoon() {
    if (this.#request) return this.redraw();
    this.drawNow();
    this.#ask();
  }

  drawNow() {
    this.#isDue = false;
    this.#director.draw();
  }

  /** One animation frame: it draws what is due by then. */
  #ask() {
    this.#request ||= requestAnimationFrame(() => {
      this.#request = 0;
      if (this.#isDue) this.drawNow();
    });
  }

  /** @returns {{ width: number, height: number, rgba: Uint8Array }|null} drawn anew, top row first */
  pixels() {
    this.drawNow();
    const rgba = this.renderer?.pixels();
    return rgba ? { ...this.size, rgba } : null;
  }

  destroy() {
    this.#gone.abort();
    this.#observer.disconnect();
    cancelAnimationFrame(this.#request);
    this.#renderer?.destroy();
  }

  /** @param {ResizeObserverEntry} entry */
  #resized({ devicePixelContentBoxSize: exact, contentRect: { width, height } }) {
    const dpr = devicePixelRatio || 1;
    const wasSized = this.isSized;
    this.canvas.width = pixelsOf(width * dpr, exact?.[0]?.inlineSize);
    this.canvas.height = pixelsOf(height * dpr, exact?.[0]?.blockSize);
    this.#dpr = width > 0 ? this.canvas.width / width : dpr;
    if (!wasSized) this.#director.sized();
    this.drawNow(); // now: a resized canvas is blank
  }

  /** @param {Event} event */
  #lost(event) {
    event.preventDefault(); // else it is never given back
    this.#director.lost();
  }

  #restored() {
    this.#renderer?.rebuild();
    this.redraw();
  }
}

/**
 * Told in device pixels where the browser can, so that a change of density is noticed too.
 *
 * @param {ResizeObserver} observer
 * @param {Element} element
 */
function observe(observer, element) {
  try {
    observer.observe(element, { box: "device-pixel-content-box" });
  } catch {
    observer.observe(element);
  }
}

/**
 * The exact count where it is one: an emulated density does not reach it.
 *
 * @param {number} computed
 * @param {number} [exact]
 */
function pixelsOf(computed, exact) {
  const isExact = exact !== undefined && Math.abs(exact - computed) < 2;
  return Math.max(1, isExact ? exact : Math.round(computed));
}
