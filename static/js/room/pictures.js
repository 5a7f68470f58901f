import { findSeries } from "./data.js";
import { RoomCommand } from "./protocol.js";

/** @import { Drawing, Layout, Place, StackView } from "./protocol.js" */
/** @import { SeriesData } from "./data.js" */
/** @import { Marks } from "./marks.js" */
/** @import { Model } from "./model.js" */
/** @import { Panes, Point } from "./panes.js" */
/** @import { Sender } from "./sender.js" */

const REST_MS = 2000; // a pointer at rest is said again, or it would fade

/**
 * What is on this screen and what leaves it: the presenter's picture goes out, a follower's comes
 * in, and whoever looks around keeps their own.
 */
export class Pictures {
  #model;
  #panes;
  #sender;
  #marks;
  /** @type {{ caseId: string, layout: Layout }|null} */
  #own = null;
  /** @type {{ caseId: string, layout: Layout }|null} */
  #hung = null;
  /** @type {{ pane: string, point: Point }|null} */
  #pointing = null;
  #shownMarks = "";
  #rest;
  isPointing = false;

  /** @param {{ model: Model, panes: Panes, sender: Sender, marks: Marks }} parts */
  constructor({ model, panes, sender, marks }) {
    this.#model = model;
    this.#panes = panes;
    this.#sender = sender;
    this.#marks = marks;
    this.#rest = setInterval(() => this.#sayPoint(), REST_MS);
  }

  destroy() {
    clearInterval(this.#rest);
    this.#panes.clear();
  }

  /** @returns {string[]} the series on this screen */
  get series() {
    return (this.#hung?.layout.panes ?? []).map(({ series }) => series);
  }

  /** @returns {string[]} the windows the active picture offers, in the order of their keys */
  get presets() {
    return this.#panes.presets.map(({ name }) => name);
  }

  /** Draw what the room's state says, at most once an animation frame. */
  show() {
    const { room, openCase } = this.#model;
    const caseId = room.position.case_id;
    if (!caseId) return this.#panes.clear();
    if (this.#model.isOpenHidden) return this.#takeDown();
    const layout = this.#layout(caseId);
    if (layout?.panes.length) this.#hung = { caseId, layout }; // else its pictures are yet to come
    this.#panes.hang(caseId, layout, openCase);
    this.follow();
    this.#showMarks();
    this.#showHands();
  }

  /** Whatever is presented: it is not this person's to see any more. */
  #takeDown() {
    this.#own = this.#hung = this.#pointing = null;
    this.#panes.clear();
  }

  /**
   * Hand the presenter's newest views to the panes. Called as they are heard too: a pane asks for
   * an animation frame of its own, and would ask one too late from within that of `show`.
   */
  follow() {
    const { room, mode } = this.#model;
    const isHung = this.#hung?.caseId === room.position.case_id; // never on the last case's panes
    const isNext = room.layout?.panes.length && room.layout !== this.#hung?.layout; // to be hung yet
    if (isHung && !isNext && mode === "following") this.#panes.follow(room.shown);
  }

  /** Everything that is on the presenter's screen, for those who come from somebody else's. */
  sendAll() {
    if (this.#model.mode !== "presenting") return;
    const layout = this.#layout(this.#model.room.position.case_id ?? "");
    if (layout) this.#sendLayout(layout);
    for (const [pane, view] of this.#panes.views()) this.#sendView(pane, view);
  }

  /** A picture was moved by hand on this screen. @param {string} pane @param {StackView} view */
  moved(pane, view) {
    const mode = this.#turn("moved");
    if (mode === "presenting") this.#sendView(pane, view);
    else this.#keepLayout();
  }

  /** A pane has its first picture: it goes out with what hangs where. @param {string} pane */
  opened(pane) {
    const view = this.#panes.views().get(pane);
    const caseId = this.#model.room.position.case_id;
    if (view && this.#model.mode === "presenting") {
      if (this.#hung?.caseId === caseId) this.#sendLayout(this.#hung.layout);
      this.#sendView(pane, view);
    }
    this.#shownMarks = "";
  }

  /** F: leave the presenter's picture, or come back to it at once. */
  toggleFollow() {
    const mode = this.#turn("toggle");
    if (mode === "roaming") this.#keepLayout();
    else this.comeBack();
  }

  /** Nothing of one's own stays: the presenter's layout and views count again. */
  comeBack() {
    this.#own = null;
    this.#panes.comeBack();
  }

  /** Hang a series in the active pane: for everybody when presenting, else only here. @param {SeriesData} series */
  hang({ id, version }) {
    const caseId = this.#model.room.position.case_id;
    const now = caseId && this.#layout(caseId);
    if (!caseId || !now || !findSeries(this.#model.openCase, id)) return;
    const active = this.#panes.active || "a";
    const what = { id: active, kind: /** @type {const} */ ("stack"), series: id, version };
    const others = now.panes.filter((pane) => pane.id !== active);
    const panes = [...others, what].sort((one, other) => (one.id < other.id ? -1 : 1));
    this.#own = { caseId, layout: { panes, active } };
    const mode = this.#turn("moved");
    if (mode !== "presenting") return;
    this.#sender.withdraw(`view:${active}`); // it was of the series that hung there
    this.#sendLayout(this.#own.layout);
  }

  /** @param {string} pane @param {Point|null} point - null: it has left the picture */
  pointed(pane, point) {
    this.#pointing = point && { pane, point };
    if (this.#isHeard) this.#sendPoint(pane, point);
  }

  togglePointing() {
    this.isPointing = !this.isPointing;
    const { pane, point } = this.#pointing ?? { pane: this.#panes.active, point: null };
    this.#sendPoint(pane, this.isPointing && this.#isHeard ? point : null);
  }

  /** A pointer names a pane and a point: it means something where the presenter's picture is. */
  get #isHeard() {
    const { mode } = this.#model;
    return mode === "presenting" || (this.isPointing && mode === "following");
  }

  /**
   * Leave the presenter's picture or come back to it; who leaves it takes their pointer along.
   *
   * @param {"moved"|"toggle"} how
   */
  #turn(how) {
    const wasHeard = this.#isHeard;
    const mode = this.#model.follow[how](this.#model.room);
    const pane = this.#pointing?.pane ?? this.#panes.active;
    if (wasHeard && !this.#isHeard) this.#sendPoint(pane, null);
    return mode;
  }

  /** @param {string} pane @param {Place} place @param {Drawing|null} drawing */
  previewed(pane, place, drawing) {
    const type = RoomCommand.PreviewMark;
    this.#sender.offer("preview", (fence) => ({ type, fence, pane, place, drawing }));
  }

  /**
   * Which layout counts here. Between two presenters the last one stays; one from before the
   * case's pictures had come stands in the way of none.
   *
   * @param {string} caseId
   * @returns {Layout|null}
   */
  #layout(caseId) {
    const { room, mode, openCase } = this.#model;
    const ofCase = (/** @type {{ caseId: string, layout: Layout }|null} */ kept) =>
      kept?.caseId === caseId ? kept.layout : null;
    const own = mode === "following" ? null : ofCase(this.#own);
    const isHeard = mode !== "presenting" && room.layout?.panes.length;
    const heard = isHeard ? room.layout : null;
    return own ?? heard ?? ofCase(this.#hung) ?? openCase?.layout ?? null;
  }

  /** From here on this screen hangs as it does now, whatever the presenter does. */
  #keepLayout() {
    if (!this.#own) this.#own = this.#hung;
  }

  #showMarks() {
    const marks = this.#marks.kept;
    const key = JSON.stringify(marks);
    if (key === this.#shownMarks) return;
    this.#shownMarks = key;
    this.#panes.setMarks(marks);
  }

  #showHands() {
    const { room, you, mode } = this.#model;
    const isTheirs = mode === "following" || mode === "presenting"; // the picture pointed at
    const heard = isTheirs ? Object.values(room.pointers) : [];
    const pointers = heard.filter(({ by }) => by !== you.person);
    const previews = Object.values(room.previews).filter(({ by }) => by !== you.person);
    this.#panes.setHands(
      pointers.map((one) => ({ ...one, ...this.#model.authorOf(one.by) })),
      previews,
    );
  }

  /** @param {Layout} layout */
  #sendLayout(layout) {
    this.#sender.offer("layout", (fence) => ({ type: RoomCommand.ShowLayout, fence, layout }));
  }

  /** @param {string} pane @param {StackView} view */
  #sendView(pane, view) {
    this.#sender.offer(`view:${pane}`, (fence) => ({
      type: RoomCommand.ShowView,
      fence,
      pane,
      view,
    }));
  }

  /** @param {string} pane @param {Point|null} point */
  #sendPoint(pane, point) {
    this.#sender.offer("pointer", (fence) => ({ type: RoomCommand.PointAt, fence, pane, point }));
  }

  #sayPoint() {
    if (this.#pointing) this.pointed(this.#pointing.pane, this.#pointing.point);
  }
}
