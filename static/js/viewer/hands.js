import { takesText } from "../shared/dom.js";

/** @typedef {[number, number]} At - CSS pixels from the pane's top left corner */
/**
 * What the hands do, told to the pane.
 *
 * @typedef {{
 *   tool: () => string,
 *   begin: (tool: string, at: At) => void,
 *   drag: (tool: string, dx: number, dy: number, at: At) => void,
 *   end: (tool: string, at: At) => void,
 *   cancel: () => void,
 *   scroll: (frames: number) => void,
 *   zoom: (factor: number, at: At) => void,
 *   hover: (at: At|null) => void,
 *   key: (event: KeyboardEvent) => void,
 * }} Host
 */

const MIDDLE = 1;
const RIGHT = 2;
const FAST = 5; // frames a wheel step with Shift
const WHEEL_STEP = 40; // CSS pixels; a mouse sends more at a time, a touchpad less
const WHEEL_ZOOM = 1.1;

/** Mouse, wheel, touch and keys on one pane. */
export class Hands {
  #element;
  #host;
  /** @type {Map<number, At>} */
  #down = new Map();
  /** @type {string|null} */
  #tool = null;
  #wheel = 0;
  #gone = new AbortController();

  /**
   * @param {HTMLElement} element
   * @param {Host} host
   */
  constructor(element, host) {
    this.#element = element;
    this.#host = host;
    const { signal } = this.#gone;
    element.addEventListener("pointerdown", (event) => this.#press(event), { signal });
    element.addEventListener("pointermove", (event) => this.#move(event), { signal });
    element.addEventListener("pointerup", (event) => this.#lift(event), { signal });
    element.addEventListener("pointercancel", (event) => this.#lose(event), { signal });
    element.addEventListener("pointerleave", () => host.hover(null), { signal });
    element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
    element.addEventListener("wheel", (event) => this.#turn(event), { signal, passive: false });
    element.addEventListener("keydown", (event) => host.key(event), { signal });
  }

  destroy() {
    this.#gone.abort();
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (takesText(event.target)) return;
    this.#element.focus({ preventScroll: true });
    event.preventDefault();
    this.#element.setPointerCapture(event.pointerId);
    const at = this.#at(event);
    this.#down.set(event.pointerId, at);
    if (this.#down.size === 1) this.#start(toolOf(event, this.#host.tool()), at);
    else this.#drop();
  }

  /**
   * @param {string} tool
   * @param {At} at
   */
  #start(tool, at) {
    this.#tool = tool;
    this.#host.begin(tool, at);
  }

  /** A second finger: what one finger had begun is taken back. */
  #drop() {
    if (this.#tool) this.#host.cancel();
    this.#tool = null;
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const at = this.#at(event);
    const last = this.#down.get(event.pointerId);
    if (!last || event.pointerType !== "touch") this.#host.hover(at);
    if (!last) return;
    if (this.#down.size === 2) this.#pinch(event.pointerId, last, at);
    this.#down.set(event.pointerId, at);
    if (this.#tool) this.#host.drag(this.#tool, at[0] - last[0], at[1] - last[1], at);
  }

  /**
   * Two fingers: apart and together zoom, side by side pan.
   *
   * @param {number} id
   * @param {At} last
   * @param {At} at
   */
  #pinch(id, last, at) {
    const other = [...this.#down].find(([finger]) => finger !== id)?.[1];
    if (!other) return;
    const [before, now] = [distance(last, other), distance(at, other)];
    this.#host.drag("pan", (at[0] - last[0]) / 2, (at[1] - last[1]) / 2, at);
    if (before > 0 && now > 0) this.#host.zoom(now / before, middle(at, other));
  }

  /** @param {PointerEvent} event */
  #lift(event) {
    if (!this.#down.delete(event.pointerId)) return;
    if (this.#tool) this.#host.end(this.#tool, this.#at(event));
    this.#tool = null;
  }

  /** @param {PointerEvent} event */
  #lose(event) {
    this.#down.delete(event.pointerId);
    this.#drop();
  }

  /** @param {WheelEvent} event */
  #turn(event) {
    event.preventDefault();
    const steps = this.#wheelSteps(event.deltaY || event.deltaX, event.deltaMode);
    if (steps === 0) return;
    if (event.ctrlKey || event.metaKey) this.#host.zoom(WHEEL_ZOOM ** -steps, this.#at(event));
    else this.#host.scroll(event.shiftKey ? steps * FAST : steps);
  }

  /**
   * One for each event of a mouse wheel, however far it turned; a touchpad's small moves add up.
   *
   * @param {number} delta
   * @param {number} mode
   */
  #wheelSteps(delta, mode) {
    if (mode !== WheelEvent.DOM_DELTA_PIXEL || Math.abs(delta) >= WHEEL_STEP) {
      this.#wheel = 0;
      return Math.sign(delta);
    }
    this.#wheel += delta;
    const steps = Math.trunc(this.#wheel / WHEEL_STEP);
    this.#wheel -= steps * WHEEL_STEP;
    return steps;
  }

  /**
   * @param {MouseEvent} event
   * @returns {At}
   */
  #at({ clientX, clientY }) {
    const { left, top } = this.#element.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }
}

/**
 * @param {PointerEvent} event
 * @param {string} tool - of the left button and of one finger
 */
function toolOf({ button }, tool) {
  if (button === MIDDLE) return "pan";
  return button === RIGHT ? "zoom" : tool;
}

/**
 * @param {At} a
 * @param {At} b
 */
function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

/**
 * @param {At} a
 * @param {At} b
 * @returns {At}
 */
function middle(a, b) {
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
}
