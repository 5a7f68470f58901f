import { h } from "./dom.js";
import { findSeries, isSameSeries } from "./data.js";
import { presetsOf, seen } from "../viewer/view.js";

/** @import { AnyView, Drawing, Layout, MarkBody, Pane, Place, PointMm, PointPx, StackView } from "./protocol.js" */
/** @import { CaseData } from "./data.js" */
/** @import { Shown } from "./state.js" */
/** @import { Identity } from "../viewer/captions.js" */
/** @import { Preview } from "../viewer/marks.js" */
/** @import { Pointer } from "../viewer/pointers.js" */
/** @import { Tool } from "../viewer/image-pane.js" */
/** @import { Metadata } from "../viewer/types.js" */
/** @import { Preset } from "../viewer/view.js" */
/** @typedef {PointMm|PointPx} Point */
/** @typedef {StackView|{ kind: Exclude<AnyView["kind"], "stack"> }} Drawable - or to be refused */
/** @typedef {Pointer & { pane: string }} PanePointer */
/** @typedef {Preview & { pane: string }} PanePreview */
/** @typedef {{ mark_id: string, version: number }} MarkAt */
/** @typedef {(mark: MarkBody, what?: "words") => boolean} MayChange - move and remove, or reword */
/**
 * What the room needs of a pane, which knows nothing of sockets or meetings: ImagePane, or a fake.
 *
 * @typedef {EventTarget & {
 *   needsShift: boolean,
 *   mayChange: MayChange,
 *   identity: Identity|null,
 *   metadata: Metadata|null,
 *   open: (what: { series: string, version?: number }) => Promise<boolean>,
 *   getView: () => StackView|null,
 *   setView: (view: Drawable) => void,
 *   setMarks: (marks: ReadonlyArray<MarkBody>) => void,
 *   setAuthors: (authors: Record<string, number>, naming: { you: string }) => void,
 *   dropDrawn: () => void,
 *   setTool: (name: Tool) => void,
 *   pointAt: (pointer: Pointer|null) => void,
 *   showPreview: (preview: Preview) => void,
 *   act: (name: string) => boolean,
 *   handleKey: (event: KeyboardEvent) => boolean,
 *   destroy: () => void,
 * }} PaneLike
 */
/** @typedef {(options: { element: HTMLElement, caseId: string }) => PaneLike} MakePane */
/**
 * @typedef {object} Heard
 * @property {(pane: string, view: StackView) => void} view - moved by this person's own hand
 * @property {(pane: string, point: Point|null) => void} point
 * @property {(pane: string, place: Place, drawing: Drawing|null) => void} preview
 * @property {(place: Place, drawing: Drawing) => void} drawn
 * @property {(mark: MarkAt, drawing: Drawing) => void} changed - a mark was moved or reworded
 * @property {(mark: MarkAt) => void} removed
 * @property {(tool: Tool) => void} tool
 * @property {(pane: string) => void} opened - its first view can be asked for
 * @property {() => void} improved - quality, or which pane is active
 */

/** How the pictures stand to this person, the same for every pane. */
/** @typedef {{ needsShift: boolean, mayChange: MayChange, authors: Record<string, number>, you: string }} Terms */

/** One place on the screen: its pane, and what it is to show once it is open. */
class Slot {
  isOpen = false;
  quality = 0;
  /** @type {AnyView|null} */
  wanted = null;
  /** @type {AnyView|null} */
  applied = null;
  #closed = new AbortController();
  #heard;
  #identity = "";
  /** @type {Set<string>} */
  #pointing = new Set();
  /** @type {Set<string>} */
  #drawing = new Set();

  /** @param {Pane} what @param {string} caseId @param {MakePane} make @param {Heard} heard */
  constructor(what, caseId, make, heard) {
    this.what = what;
    this.#heard = heard;
    this.host = h("div", { class: "picture__pane" });
    this.element = h("section", { class: "picture", "data-pane": what.id }, this.host);
    this.pane = make({ element: this.host, caseId });
    this.#listen();
    void this.#open();
  }

  /** @param {AnyView} view - the newest wish; one from before the pane was open waits for it */
  show(view) {
    if (this.applied === view) return;
    this.wanted = view;
    if (!this.isOpen) return;
    this.applied = view;
    this.pane.setView(view);
  }

  /** @param {Identity} identity */
  identify(identity) {
    const key = JSON.stringify(identity);
    if (key === this.#identity) return;
    this.#identity = key;
    this.pane.identity = identity;
  }

  /** @param {PanePointer[]} pointers @param {PanePreview[]} previews - of this pane */
  setHands(pointers, previews) {
    for (const by of gone(this.#pointing, pointers)) this.pane.pointAt(nobody(by));
    for (const pointer of pointers) this.pane.pointAt(pointer);
    for (const by of gone(this.#drawing, previews)) this.pane.showPreview(lifted(by));
    for (const preview of previews) this.pane.showPreview(preview);
  }

  destroy() {
    this.#closed.abort();
    this.pane.destroy();
    this.element.remove();
  }

  async #open() {
    const { series, version, kind } = this.what;
    if (kind !== "stack") return this.pane.setView({ kind }); // it says that it does not draw it
    const isShown = await this.pane.open({ series, version }); // a refusal is said in the pane
    if (!isShown || this.#closed.signal.aborted) return;
    this.isOpen = true;
    if (this.wanted) this.show(this.wanted);
    this.#heard.opened(this.what.id);
  }

  #listen() {
    const { id } = this.what;
    const heard = this.#heard;
    this.#on("view", ({ view }) => heard.view(id, view));
    this.#on("point", ({ point }) => heard.point(id, point));
    this.#on("preview", ({ place, drawing }) => heard.preview(id, place, drawing));
    this.#on("drawn", ({ place, drawing }) => heard.drawn(place, drawing));
    this.#on("changed", ({ drawing, ...mark }) => heard.changed(mark, drawing));
    this.#on("removed", (mark) => heard.removed(mark));
    this.#on("tool", ({ tool }) => heard.tool(tool));
    this.#on("shown", ({ quality }) => this.#improved(quality));
  }

  /** @param {number} quality - per cent of the frame on the screen */
  #improved(quality) {
    if (quality === this.quality) return;
    this.quality = quality;
    this.#heard.improved();
  }

  /** @param {string} type @param {(detail: any) => void} hear */
  #on(type, hear) {
    const listener = (/** @type {Event} */ event) =>
      hear(/** @type {CustomEvent} */ (event).detail);
    this.pane.addEventListener(type, listener, { signal: this.#closed.signal });
  }
}

/**
 * Who was there and is not any more; `known` is brought up to date.
 *
 * @param {Set<string>} known
 * @param {{ by: string }[]} now
 */
function gone(known, now) {
  const left = [...known].filter((by) => !now.some((one) => one.by === by));
  known.clear();
  for (const { by } of now) known.add(by);
  return left;
}

/** @param {string} by @returns {Pointer} */
function nobody(by) {
  return { by, name: "", author: 0, point: null };
}

/** @param {string} by @returns {Preview} */
function lifted(by) {
  return { by, name: "", place: { series: "", version: 1, frame: "" }, drawing: null };
}

/** The pictures: as many panes as the layout says, only ever of one case. */
export class Panes {
  #root;
  #make;
  #heard;
  /** @type {Map<string, Slot>} */
  #slots = new Map();
  #case = "";
  /** @type {Tool} */
  #tool = "window";
  /** @type {Terms} */
  #terms = { needsShift: false, mayChange: () => false, authors: {}, you: "" };
  active = "";

  /** @param {HTMLElement} root @param {MakePane} make @param {Heard} heard */
  constructor(root, make, heard) {
    this.#root = root;
    this.#make = make;
    this.#heard = heard;
    root.addEventListener("pointerdown", (event) => this.#activate(event), { capture: true });
    root.addEventListener("focusin", (event) => this.#activate(event)); // by keyboard
  }

  /**
   * Hang a layout. Panes that stay the same keep their picture; those of another case go at once.
   *
   * @param {string} caseId
   * @param {Layout|null} layout
   * @param {CaseData|null} data - who it is
   */
  hang(caseId, layout, data) {
    if (caseId !== this.#case) this.clear();
    this.#case = caseId;
    const wanted = new Map((layout?.panes ?? []).map((pane) => [pane.id, pane]));
    for (const [id, slot] of this.#slots) {
      if (!isSameSeries(wanted.get(id), slot.what)) this.#drop(id, slot);
    }
    for (const pane of wanted.values()) if (!this.#slots.has(pane.id)) this.#add(pane);
    if (!this.#slots.has(this.active)) this.active = layout?.active ?? "";
    this.#order([...wanted.keys()]);
    this.#name(data);
  }

  clear() {
    for (const [id, slot] of this.#slots) this.#drop(id, slot);
    this.active = "";
  }

  /** @param {Readonly<Record<string, Shown>>} shown - the presenter's newest view of each pane */
  follow(shown) {
    for (const [id, slot] of this.#slots) {
      const view = shown[id]?.view;
      if (view) slot.show(view);
    }
  }

  /** Look again at what was followed last, after moving about on one's own. */
  comeBack() {
    for (const slot of this.#slots.values()) slot.applied = null;
  }

  /** @returns {Map<string, StackView>} what each open pane shows now */
  views() {
    const views = new Map();
    for (const [id, slot] of this.#slots) {
      const view = slot.isOpen && slot.pane.getView();
      if (view) views.set(id, view);
    }
    return views;
  }

  /** @param {MarkBody[]} marks - all of the case; a pane shows each on its own frame */
  setMarks(marks) {
    for (const { pane } of this.#slots.values()) pane.setMarks(marks);
  }

  /** A mark was refused: what is not on record goes from the picture. */
  dropDrawn() {
    for (const { pane } of this.#slots.values()) pane.dropDrawn();
  }

  /** @param {PanePointer[]} pointers @param {PanePreview[]} previews */
  setHands(pointers, previews) {
    for (const [id, slot] of this.#slots) {
      const isHere = (/** @type {{ pane: string }} */ one) => one.pane === id;
      slot.setHands(pointers.filter(isHere), previews.filter(isHere));
    }
  }

  /** @param {Tool} name */
  setTool(name) {
    this.#tool = name;
    for (const { pane } of this.#slots.values()) pane.setTool(name);
  }

  /** @param {Terms} terms */
  setTerms(terms) {
    const isNews = terms.authors !== this.#terms.authors;
    this.#terms = terms;
    for (const { pane } of this.#slots.values()) this.#tell(pane, isNews);
  }

  /** Carry out one act (a preset, invert) in the active pane. @param {string} name */
  act(name) {
    return this.#slots.get(this.active)?.pane.act(name) ?? false;
  }

  /** @returns {readonly Preset[]} the windows of the keys 1 to 5 in the active pane */
  get presets() {
    const pane = this.#slots.get(this.active)?.pane;
    const view = pane?.getView();
    if (!pane?.metadata || !view) return [];
    return presetsOf(seen(pane.metadata, view.frame, { width: 1, height: 1 }).image);
  }

  /** @param {KeyboardEvent} event @returns {boolean} whether the active pane took the key */
  handleKey(event) {
    return this.#slots.get(this.active)?.pane.handleKey(event) ?? false;
  }

  /** @returns {number|null} the worst picture on this screen in per cent; null: all are whole */
  get preview() {
    const qualities = [...this.#slots.values()].map(({ quality }) => quality);
    const worst = Math.min(100, ...qualities);
    return worst === 100 ? null : worst;
  }

  /** @param {Pane} what */
  #add(what) {
    const slot = new Slot(what, this.#case, this.#make, this.#heard);
    slot.pane.setTool(this.#tool);
    this.#tell(slot.pane, true);
    this.#slots.set(what.id, slot);
  }

  /** @param {PaneLike} pane @param {boolean} isNews - whether the authors are new to it */
  #tell(pane, isNews) {
    pane.needsShift = this.#terms.needsShift;
    pane.mayChange = this.#terms.mayChange;
    if (isNews) pane.setAuthors(this.#terms.authors, { you: this.#terms.you });
  }

  /** @param {string} id @param {Slot} slot */
  #drop(id, slot) {
    slot.destroy();
    this.#slots.delete(id);
  }

  /** @param {string[]} ids - moves only what stands elsewhere: a moved canvas is drawn anew */
  #order(ids) {
    ids.forEach((id, index) => {
      const element = this.#slots.get(id)?.element;
      if (element && this.#root.children[index] !== element) {
        this.#root.insertBefore(element, this.#root.children[index] ?? null);
      }
    });
    this.#root.dataset.count = String(ids.length);
  }

  /** @param {CaseData|null} data */
  #name(data) {
    for (const [id, slot] of this.#slots) {
      const role = findSeries(data, slot.what.series)?.study.role ?? "";
      if (data) slot.identify({ ...data.patient, role });
      slot.element.classList.toggle("picture--active", id === this.active && this.#slots.size > 1);
    }
  }

  /** @param {PointerEvent|FocusEvent} event */
  #activate({ target }) {
    const pane = target instanceof Element && target.closest("[data-pane]");
    const id = (pane || null)?.getAttribute("data-pane") ?? this.active;
    if (id === this.active) return;
    this.active = id;
    this.#heard.improved();
  }
}
