import * as defaultHttp from "../shared/http.js";
import { ACTS } from "./acts.js";
import { Captions } from "./captions.js";
import { DecoderPool } from "./decoder-pool.js";
import { handHost, key } from "./hand-host.js";
import { Hands } from "./hands.js";
import { Marks } from "./marks.js";
import { Pointers } from "./pointers.js";
import { ReadOut } from "./read-out.js";
import { qualityOf, said, Showing } from "./showing.js";
import { Sight } from "./sight.js";
import { Stage } from "./stage.js";
import { firstFrame, initialView, noPreset, seen } from "./view.js";
import { sentence } from "./words.js";

/** @import { Http } from "../shared/http.js" */
/** @import { Identity } from "./captions.js" */
/** @import { Assets } from "./decoder-pool.js" */
/** @import { Doings } from "./hand-host.js" */
/** @import { Preview } from "./marks.js" */
/** @import { Shelves } from "./shelf.js" */
/** @import { Limits } from "./renderer.js" */
/** @import { Turns } from "./turns.js" */
/** @import { Pointer } from "./pointers.js" */
/** @import { MarkBody, Metadata, OtherView, StackView } from "./types.js" */
/** @import { Wish } from "./view.js" */
/** @typedef {"window"|"pan"|"zoom"|"scroll"|"length"|"arrow"} Tool */

/**
 * One stack of frames in one element: the picture, the words that make it safe, the marks and
 * the hands. Knows nothing of rooms or sockets; what it shows is a StackView.
 *
 * Events, each with a `detail`: "view" {view} when this user's hand changed it, never for
 * `setView`; "point" {point|null}; "preview" {place, drawing|null}; "drawn" {place, drawing};
 * "changed" {mark_id, version, drawing}; "removed" {mark_id, version}; "shown" {frame, quality}
 * after each time a picture was drawn, quality in per cent, 0 while there is none; "refused"
 * {code, message}.
 */
export class ImagePane extends EventTarget {
  /** While true a key that moves the picture is taken only with Shift (D17). */
  needsShift = false;
  /** @type {(mark: MarkBody, what?: "words") => boolean} which marks are this user's */
  mayChange = () => false;
  #element;
  #from;
  #stage;
  #sight;
  #captions = new Captions(() => this.#marks.redraw());
  #marks;
  #pointers;
  #readOut;
  #doings;
  #hands;
  /** @type {Tool} */
  #tool = "window";
  /** @type {Showing|null} */
  #showing = null;
  /** @type {StackView|null} set before there was anything to show */
  #early = null;
  #missing = ""; // why what is asked for is not shown, as a code of words.js
  #isUntouched = true;
  #quality = 0;
  #words = ""; // said where there is no picture and no series

  /**
   * @param {{ element: HTMLElement, assets: Assets, caseId: string, http?: Http,
   *   shelves?: Shelves, turns?: Turns, limits?: Limits }} options - `element` has a size
   *   of its own; `shelves` and `turns` are shared by the panes of a page
   */
  constructor({ element, assets, caseId, http = defaultHttp, limits, ...shared }) {
    super();
    this.#element = element;
    this.#from = { caseId, http, pool: DecoderPool.borrow(assets), ...shared };
    const draw = () => this.#draw();
    this.#stage = new Stage({ draw, lost: draw, sized: () => this.#sized() }, limits);
    this.#sight = new Sight(this.#stage);
    this.#marks = new Marks({
      sight: this.#sight,
      around: () => this.#captions.around(this.#stage.size, this.#stage.dpr),
      mayChange: (mark, what) => this.mayChange(mark, what),
      mayMeasure: () => this.#mayMeasure(),
      tell: (type, detail) => this.#tell(type, detail),
    });
    this.#pointers = new Pointers((point) => this.#sight.toCss(point));
    this.#readOut = new ReadOut(this.#sight, () => this.#picture(100), this.#captions);
    this.#doings = this.#makeDoings();
    this.#hands = new Hands(element, handHost(this.#doings));
    element.classList.add("pane");
    element.tabIndex = 0;
    element.dataset.tool = this.#tool;
    const over = [this.#marks.element, this.#pointers.element, this.#captions.element];
    element.replaceChildren(this.#stage.canvas, ...over);
    this.#close();
  }

  /** @param {Identity|null} identity - who is looked at: on the screen whatever else is not */
  set identity(identity) {
    this.#captions.identify(identity);
  }

  get metadata() {
    return this.#sight.metadata;
  }

  /** @returns {number} per cent of the full resolution on the screen; 0: no picture */
  get quality() {
    return this.#quality;
  }

  get tool() {
    return this.#tool;
  }

  /** The frame on the screen, as marks name it; null while there is none. */
  get place() {
    return this.#sight.place;
  }

  /**
   * Show a series; what was shown before is gone at once. True when there is something to look
   * at, false when it was refused (said in the pane, and as "refused") or overtaken.
   *
   * @param {{ series: string, version?: number } & Wish} what - the frame to begin with
   * @returns {Promise<boolean>}
   */
  async open({ series, version, ...wish }) {
    this.#close();
    const showing = this.#show(series);
    try {
      const metadata = await showing.open(version);
      if (showing === this.#showing) this.#opened(metadata, wish);
      return showing === this.#showing;
    } catch (error) {
      if (showing === this.#showing) this.#refuse(error);
      return false;
    }
  }

  /** @returns {StackView|null} what is shown, for a screen of any size; null before `open` is done */
  getView() {
    return this.#sight.view;
  }

  /** Show what somebody else shows. Emits no "view". @param {StackView|OtherView} view */
  setView(view) {
    if (view.kind !== "stack") this.#miss("viewer.other_view");
    else if (!this.#sight.metadata) [this.#early, this.#missing] = [view, ""];
    else this.#turnTo(view);
  }

  /** @param {ReadonlyArray<MarkBody>} marks - all of the case; each is shown on its own frame */
  setMarks(marks) {
    this.#marks.setMarks(marks);
  }

  setAuthors(/** @type {Parameters<Marks["setAuthors"]>} */ ...who) {
    this.#marks.setAuthors(...who);
  }

  /** The room refused what was drawn or moved here: show the marks as they are kept. */
  dropDrawn() {
    this.#marks.dropDrawn();
  }

  /** @param {Preview} preview - a mark under somebody else's hand */
  showPreview(preview) {
    this.#marks.showPreview(preview);
  }

  /** @param {Pointer|null} pointer - where somebody points; null: nobody does */
  pointAt(pointer) {
    this.#pointers.show(pointer);
  }

  /** @param {Tool} tool - of the left button and of one finger */
  setTool(tool) {
    this.#marks.hand.cancel();
    this.#tool = tool;
    this.#element.dataset.tool = tool;
    this.#tell("tool", { tool });
  }

  /**
   * What a button or a key asks for: a name of acts.js, "cancel", "delete" or "tool-<name>".
   *
   * @param {string} name
   * @returns {boolean} whether there was anything to do
   */
  act(name) {
    if (name === "cancel") return this.#marks.hand.cancel();
    if (name === "delete") return this.#marks.hand.remove();
    if (name.startsWith("tool-")) this.setTool(/** @type {Tool} */ (name.slice(5)));
    else return this.#actOnView(name);
    return true;
  }

  /** A key pressed anywhere. @param {KeyboardEvent} event @returns {boolean} whether it was ours */
  handleKey(event) {
    return key(this.#doings, event);
  }

  /** The bytes on the canvas, drawn anew, top row first; null while there is no graphics card. */
  pixels() {
    return this.#stage.pixels();
  }

  destroy() {
    this.#close();
    this.#hands.destroy();
    this.#captions.destroy();
    this.#stage.destroy();
    this.#from.pool.release();
    this.#element.replaceChildren();
  }

  /** @returns {Doings} */
  #makeDoings() {
    return {
      pane: this,
      sight: this.#sight,
      hand: this.#marks.hand,
      dpr: () => this.#stage.dpr,
      mayMeasure: () => this.#mayMeasure(),
      change: (view) => this.#change(view),
      notice: (code) => this.#notice(code),
      hover: (at) => {
        this.#readOut.hover(at);
        this.#tell("point", { point: at && this.#sight.toPoint(at) });
      },
    };
  }

  /** @param {string} series */
  #show(series) {
    this.#showing = new Showing(
      { series, ...this.#from },
      {
        changed: (frame) => {
          if (frame === null || frame === this.#sight.view?.frame) this.#stage.redraw();
        },
        refused: (error) => this.#refuse(error),
      },
    );
    return this.#showing;
  }

  /**
   * @param {Metadata} metadata
   * @param {Wish} wish
   */
  #opened(metadata, wish) {
    this.#captions.describe(metadata);
    if (metadata.frames.length === 0) return this.#refuse({ code: "frame.missing" });
    this.#sight.metadata = metadata;
    this.#begin(firstFrame(metadata, this.#early ?? wish));
    if (this.#early) this.#turnTo(this.#early);
    this.#early = null;
  }

  /** @param {number} frame */
  #begin(frame) {
    const { metadata } = this.#sight;
    if (!metadata) return;
    this.#sight.view = initialView(seen(metadata, frame, this.#stage.size), frame);
    this.#showing?.look(frame, 1);
    this.#stage.redraw();
  }

  #close() {
    this.#showing?.close();
    this.#showing = null;
    this.#sight.clear();
    this.#early = null;
    [this.#missing, this.#isUntouched] = ["", true];
    this.#words = "No series is open.";
    this.#marks.leave();
    this.#pointers.clear();
    this.#captions.describe(null);
    this.#stage.renderer?.forget();
    this.#stage.redraw();
  }

  /** @param {any} error - an HttpError, or {code, message} */
  #refuse({ code = "viewer.failed", message = "" }) {
    this.#close();
    this.#words = said(code, message || undefined);
    this.#tell("refused", { code, message: sentence(code, message || undefined) });
  }

  /** @param {StackView} view - of somebody else */
  #turnTo(view) {
    this.#isUntouched = false;
    if (view.frame > (this.#sight.metadata?.frames.length ?? 0)) return this.#miss("frame.missing");
    this.#missing = "";
    this.#become(view);
    this.#stage.drawSoon(); // not with the next frame: it has come a long way
  }

  /** Nothing of the picture before stays. @param {string} code */
  #miss(code) {
    this.#missing = code;
    this.#captions.describe(this.#sight.metadata);
    this.#stage.drawSoon();
  }

  /** @param {StackView} view */
  #become(view) {
    const last = this.#sight.view?.frame ?? 1;
    this.#sight.view = view;
    if (view.frame !== last) this.#showing?.look(view.frame, view.frame < last ? -1 : 1);
  }

  /** @param {StackView} view - by this user's hand */
  #change(view) {
    this.#isUntouched = false;
    this.#missing = "";
    this.#become(view);
    this.#tell("view", { view }); // first: what it sends leaves before this screen is drawn
    this.#stage.redraw();
  }

  /** @param {string} name */
  #actOnView(name) {
    const { now } = this.#sight;
    const view = now && ACTS[name]?.(now.view, now);
    if (view && view !== now.view) this.#change(view);
    else if (now && name.startsWith("preset-")) this.#notice(noPreset(now.image));
    return Boolean(view);
  }

  /** Neither lengths nor marks on less than the whole frame. */
  #mayMeasure() {
    const isWhole = this.#picture(100) !== null;
    if (!isWhole) this.#notice("frame.preview");
    return isWhole;
  }

  #draw() {
    const { renderer } = this.#stage;
    this.#quality = renderer ? this.#drawPicture(renderer) : 0;
    this.#captions.believe(this.#quality, this.#why());
    this.#marks.element.style.visibility = this.#missing ? "hidden" : "";
    this.#marks.redraw();
    this.#pointers.redraw();
    this.#readOut.redraw();
    const frame = this.#sight.view?.frame;
    if (frame) this.#tell("shown", { frame, quality: this.#quality });
  }

  /**
   * Never an older picture under a new label: what is not there yet is black.
   *
   * @param {import("./renderer.js").Renderer} renderer
   * @returns {number} quality
   */
  #drawPicture(renderer) {
    const { now } = this.#sight;
    const picture = this.#picture(1);
    if (now && picture) renderer.draw({ ...now, picture });
    else renderer.clear();
    if (now && !this.#missing) this.#captions.show(now, this.#stage.dpr);
    if (!now || !picture) return 0;
    this.#showing?.sayDisplayed();
    return qualityOf(picture);
  }

  /** @param {number} quality - per cent; null is what is not at least so good */
  #picture(quality) {
    const { view } = this.#sight;
    if (!view || !this.#showing || this.#missing) return null;
    return this.#showing.picture(view.frame, quality);
  }

  #why() {
    const trouble = this.#stage.trouble || this.#missing;
    if (trouble) return said(trouble);
    return this.#showing ? this.#showing.why(this.#sight.view?.frame ?? null) : this.#words;
  }

  /** Laid out only now: what was fitted to nothing is fitted again. */
  #sized() {
    if (this.#isUntouched && this.#sight.view) this.#begin(this.#sight.view.frame);
  }

  /** @param {string} code */
  #notice(code) {
    this.#captions.notice(sentence(code), code);
    this.#tell("refused", { code, message: sentence(code) });
  }

  /**
   * @param {string} type
   * @param {object} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
