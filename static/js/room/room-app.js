import { neighbour } from "./agenda.js";
import { RoomConnection } from "./connection.js";
import { part } from "./dom.js";
import { sentence } from "./http.js";
import { pressed } from "./keys.js";
import { LineWatch } from "./line-watch.js";
import { Loads } from "./loads.js";
import { Marks } from "./marks.js";
import { NextCase } from "./next-case.js";
import { OutcomePanel } from "./outcome-panel.js";
import { Panes } from "./panes.js";
import { Pictures } from "./pictures.js";
import { Place } from "./place.js";
import { RoomCommand, RoomEvent } from "./protocol.js";
import { RoomView } from "./room-view.js";
import { Sender } from "./sender.js";
import { applyEvent, withoutOld } from "./state.js";
import { takesText } from "../shared/dom.js";
import { uuid } from "../shared/ids.js";

/** @import { Ack, AnyRoomEvent, CaseOpened, Nak, Welcome } from "./protocol.js" */
/** @import { DurableCommand } from "./connection.js" */
/** @import { Model } from "./model.js" */
/** @import { RoomHttp } from "./http.js" */
/** @import { DeskLike } from "./next-case.js" */
/** @import { MakePane } from "./panes.js" */
/** @import { Troubles } from "./trouble.js" */
/** @import { Tool } from "../viewer/image-pane.js" */
/** @typedef {{ http: RoomHttp, makePane: MakePane, desk: DeskLike, troubles: Troubles, socketUrl: string, sprite: string }} Around */

const UNDO_MS = 5000;
const HINT = "This moves everybody to another case: hold Shift.";
const HINT_MS = 4000;
const REFUSED_MS = 10_000;
const TICK_MS = 1000;
const PASSING = new Set(
  /** @type {string[]} */ ([RoomEvent.ViewShown, RoomEvent.PointerMoved, RoomEvent.MarkPreviewed]),
);

/** The page of one live room: hears the room, keeps the model, and tells each part to show it. */
export class RoomApp {
  #model;
  #http;
  #troubles;
  #connection;
  #sender;
  #marks;
  #panes;
  #pictures;
  #place;
  #outcome;
  #view;
  #line;
  #loads;
  #next;
  #closed = new AbortController();
  #isFrameAsked = false;
  #isWholeDue = true;
  /** @type {Tool} */
  #tool = "window";
  /** @type {number|null} */
  #savedAt = null;
  /** @type {{ id: string, from: string }|null} */
  #turning = null;

  /** @param {HTMLElement} root @param {Model} model - the meeting, loaded @param {Around} around */
  constructor(root, model, { http, makePane, desk, troubles, socketUrl, sprite }) {
    this.#model = model;
    this.#http = http;
    this.#troubles = troubles;
    const condition = () => this.#condition();
    const since = model.room.position.seq;
    this.#connection = new RoomConnection(socketUrl, model.tab, { since, condition });
    this.#sender = new Sender(this.#connection, () => model.room.position);
    this.#marks = new Marks({ model, send: (command) => this.#send(command) });
    this.#panes = new Panes(part(root, "panes"), makePane, this.#heard());
    const parts = { model, panes: this.#panes, sender: this.#sender, marks: this.#marks };
    this.#pictures = new Pictures(parts);
    this.#place = new Place({ ...parts, pictures: this.#pictures });
    const redraw = () => this.#redraw();
    this.#outcome = new OutcomePanel(part(root, "outcome"), {
      model,
      http,
      line: this.#connection,
      redraw,
    });
    const shown = {
      marks: this.#marks,
      pictures: this.#pictures,
      outcome: this.#outcome,
      troubles,
      sprite,
    };
    this.#view = new RoomView(root, shown, this.#acts());
    this.#line = new LineWatch(this.#connection, this.#sender, troubles);
    this.#loads = new Loads(model, http, {
      loaded: () => this.#loaded(),
      failed: (text) => this.#refuse(text),
      gone: (series) => desk.forget(series),
    });
    this.#next = new NextCase(model, this.#loads, desk);
    this.#listen();
    void this.#loads.case(model.room.position.case_id);
    this.#redraw();
  }

  destroy() {
    this.#closed.abort();
    this.#next.close();
    this.#line.destroy();
    this.#connection.close();
    this.#pictures.destroy();
  }

  /** What hands do on the pictures. @returns {import("./panes.js").Heard} */
  #heard() {
    return {
      view: (pane, view) => this.#afterHand(() => this.#pictures.moved(pane, view)),
      point: (pane, point) => this.#pictures.pointed(pane, point),
      preview: (pane, place, drawing) => this.#pictures.previewed(pane, place, drawing),
      drawn: (place, drawing) => this.#afterHand(() => this.#marks.drawn(place, drawing)),
      changed: (mark, drawing) => this.#afterHand(() => this.#marks.change(mark, drawing)),
      removed: (mark) => this.#afterHand(() => this.#marks.remove(mark)),
      opened: (pane) => this.#afterHand(() => this.#pictures.opened(pane)),
      tool: (tool) => this.#afterHand(() => this.#useTool(tool)),
      improved: () => this.#redraw(),
    };
  }

  /** What clicks ask for. @returns {import("./room-view.js").Acts} */
  #acts() {
    const { id } = this.#model.data.meeting;
    return {
      turn: (caseId) => this.#turn(caseId),
      write: (caseId) => this.#outcome.bind(caseId),
      take: () => this.#send({ type: RoomCommand.TakePresenter, id: uuid() }),
      give: (person) => this.#send({ type: RoomCommand.GivePresenter, id: uuid(), to: person }),
      hang: (series) => this.#afterHand(() => this.#pictures.hang(series)),
      act: (act) => this.#act(act),
      open: () => this.#try(() => this.#http.openMeeting(id)),
      close: () => this.#try(() => this.#http.closeMeeting(id)),
    };
  }

  // ---- hearing

  #listen() {
    const { signal } = this.#closed;
    for (const type of Object.values(RoomEvent)) this.#on(type, (event) => this.#hear(event));
    for (const type of ["room.lost", "room.closed"]) this.#on(type, () => this.#redraw());
    this.#on("room.closed", () => this.#next.close());
    addEventListener("beforeunload", (event) => this.#hold(event), { signal });
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    const tick = setInterval(() => this.#tick(), TICK_MS);
    signal.addEventListener("abort", () => clearInterval(tick));
  }

  /** @param {string} type @param {(detail: any) => void} hear */
  #on(type, hear) {
    const listener = (/** @type {Event} */ event) =>
      hear(/** @type {CustomEvent} */ (event).detail);
    this.#connection.addEventListener(type, listener, { signal: this.#closed.signal });
  }

  #loaded() {
    if (this.#model.isOpenHidden) this.#troubles.set("undo", null); // it names the case
    this.#place.leave();
    this.#drawNow();
    this.#place.enter();
  }

  /** @param {AnyRoomEvent} event */
  #hear(event) {
    this.#line.measure(event);
    this.#model.room = applyEvent(this.#model.room, event, Date.now());
    this.#place.leave();
    this.#heed(event);
    this.#place.enter();
    if (event.type === RoomEvent.ViewShown) this.#pictures.follow();
    if (!PASSING.has(event.type)) this.#isWholeDue = true;
    if (event.type === RoomEvent.CaseOpened) this.#drawNow();
    this.#frame();
  }

  /** What an event asks for beyond being shown. @param {AnyRoomEvent} event */
  #heed(event) {
    switch (event.type) {
      case RoomEvent.Welcome:
        return this.#welcomed(event);
      case RoomEvent.CaseOpened:
        return this.#opened(event);
      case RoomEvent.CaseRefreshed:
        return this.#loads.again(event.case_id);
      case RoomEvent.ListChanged:
      case RoomEvent.MeetingOpened:
      case RoomEvent.MeetingClosed:
        return void this.#loads.room();
      case RoomEvent.AttendanceChanged:
        return this.#attended(event.person);
      case RoomEvent.Roster:
        return void (this.#model.hasNewcomer && this.#loads.room());
      case RoomEvent.Ack:
      case RoomEvent.Nak:
        return this.#settle(event);
    }
  }

  /** @param {Welcome} welcome */
  #welcomed({ is_whole }) {
    if (is_whole === false) void this.#loads.room();
    this.#pictures.sendAll();
    void this.#loads.case(this.#model.room.position.case_id);
  }

  /** @param {CaseOpened} event */
  #opened({ case_id }) {
    this.#pictures.comeBack();
    void this.#loads.opened(case_id);
    this.#troubles.set("undo", null);
    const turning = this.#turning;
    if (turning?.id !== case_id) return;
    this.#turning = null;
    const name = this.#model.brief(case_id)?.name ?? "the case";
    const run = () => this.#turn(turning.from);
    if (turning.from)
      this.#troubles.setFor("undo", { text: `The room is on ${name}.`, act: "Undo", run }, UNDO_MS);
  }

  /** One who only observes sees the list once they are there. @param {string} person */
  #attended(person) {
    const { you, data } = this.#model;
    if (person !== you.person || data.cases.length) return;
    void this.#loads.room().then(() => this.#loads.case(this.#model.room.position.case_id));
  }

  /** @param {Ack|Nak} answer */
  #settle(answer) {
    const isMine = this.#outcome.settle(answer); // it says its refusals where the person writes
    if (this.#marks.settle(answer)) this.#panes.dropDrawn();
    if (answer.type === RoomEvent.Ack) this.#savedAt = Date.now();
    else if (!answer.retry) this.#turning = null;
    if (answer.type === RoomEvent.Nak && !answer.retry && !isMine)
      this.#refuse(`${answer.message} (${answer.code})`);
  }

  #tick() {
    const room = withoutOld(this.#model.room, Date.now(), this.#connection.lostAt);
    if (room !== this.#model.room) this.#model.room = room;
    this.#redraw();
  }

  // ---- acting

  /** @param {() => Promise<unknown>} act */
  async #try(act) {
    try {
      await act();
    } catch (failure) {
      this.#refuse(sentence(failure));
    }
  }

  /** @param {DurableCommand} command */
  #send(command) {
    this.#connection.sendDurable(command);
    this.#redraw();
  }

  /** @param {string} caseId - for everybody */
  #turn(caseId) {
    if (!this.#model.maySteer) return;
    this.#turning = { id: caseId, from: this.#model.room.position.case_id ?? "" };
    void this.#loads.soon(caseId); // it is here by the time the room says so
    this.#send({ type: RoomCommand.OpenCase, id: uuid(), case_id: caseId });
  }

  #afterHand(/** @type {() => void} */ act) {
    act();
    this.#redraw();
  }

  /** @param {string} text */
  #refuse(text) {
    this.#troubles.setFor("refused", { text, act: "OK" }, REFUSED_MS);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.defaultPrevented) return;
    if (takesText(event.target)) return this.#leaveText(event);
    if (this.#isTaken(event)) event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  #isTaken(event) {
    const press = pressed(event);
    if (!press) return this.#panes.handleKey(event) || this.#closeList(event.key);
    if (press.isAllowed) this.#act(press.act);
    else this.#troubles.setFor("refused", { text: HINT }, HINT_MS);
    return true;
  }

  /** @param {string} key */
  #closeList(key) {
    if (key === "Escape") this.#view.hideKeys();
    return key === "Escape";
  }

  /** @param {KeyboardEvent} event */
  #leaveText({ key, target }) {
    if (key === "Escape" && target instanceof HTMLElement) target.blur();
  }

  /** A button or a key of the room's own; every other act is the active picture's. @param {string} act */
  #act(act) {
    const own = /** @type {Record<string, () => void>} */ ({
      follow: () => this.#pictures.toggleFollow(),
      point: () => this.#pictures.togglePointing(),
      "next-case": () => this.#turnBy(1),
      "previous-case": () => this.#turnBy(-1),
      "fold-left": () => this.#view.fold("left"),
      "fold-right": () => this.#view.fold("right"),
      outcome: () => this.#writeOutcome(),
      keys: () => this.#view.toggleKeys(),
    })[act];
    if (own) own();
    else if (act.startsWith("tool-")) this.#panes.setTool(/** @type {Tool} */ (act.slice(5)));
    else this.#panes.act(act);
    this.#redraw();
  }

  /** @param {Tool} name */
  #useTool(name) {
    if (name === this.#tool) return;
    this.#tool = name;
    this.#panes.setTool(name);
  }

  /** @param {1|-1} by */
  #turnBy(by) {
    const next = neighbour(this.#model.room, this.#model.data.cases, by);
    if (next) this.#turn(next);
  }

  #writeOutcome() {
    this.#view.unfold("right");
    this.#outcome.focus();
  }

  /** @param {BeforeUnloadEvent} event */
  #hold(event) {
    if (this.#outcome.unsavedCount || this.#connection.unanswered) event.preventDefault();
  }

  #condition() {
    const { mode } = this.#model;
    return {
      presenting: mode === "presenting",
      following: mode !== "roaming",
      preview: this.#panes.preview,
    };
  }

  // ---- showing

  #redraw() {
    this.#isWholeDue = true;
    this.#frame();
  }

  #frame() {
    if (this.#isFrameAsked) return;
    this.#isFrameAsked = true;
    requestAnimationFrame(() => {
      this.#isFrameAsked = false;
      this.#draw();
    });
  }

  /** Not with the next frame: grants and pictures are asked for from here. */
  #drawNow() {
    this.#isWholeDue = true;
    this.#draw();
  }

  #draw() {
    const model = this.#model;
    this.#panes.setTerms({
      needsShift: model.mode === "presenting",
      authors: model.authors,
      you: model.you.person,
      mayChange: (mark, what) => this.#marks.mayChange(mark, what),
    });
    this.#pictures.show();
    if (!this.#isWholeDue) return;
    this.#isWholeDue = false;
    const { isLive } = this.#connection;
    const unanswered = Math.max(this.#connection.unanswered, this.#outcome.unsavedCount);
    const line = { latency: this.#line.latency, savedAt: this.#savedAt, unanswered, isLive };
    this.#outcome.show();
    this.#view.show(model, { tool: this.#tool, line });
    this.#next.heed();
  }
}
