import assert from "node:assert/strict";
import { after, test } from "node:test";

import { RoomConnection } from "../../../static/js/room/connection.js";
import { RoomEvent } from "../../../static/js/room/protocol.js";

class FakeSocket extends EventTarget {
  sent = [];
  readyState = 0;
  bufferedAmount = 0;
  wasClosed = false;
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.wasClosed = true;
  }
  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }
  say(message) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }
  drop(code) {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }
}

const HELLO = { type: "room.hello", version: 1, tab: "tab", since: 0 };
const TAKE = { type: "presenter.take", id: "id-1" };
const beat = (seq, more = {}) => ({
  type: "room.heartbeat",
  seq,
  following: true,
  preview: null,
  ...more,
});
const opened = (seq) => ({ type: RoomEvent.CaseOpened, seq, case_id: `case-${seq}`, by: "chair" });
const welcome = (...events) => ({ type: RoomEvent.Welcome, position: {}, events, is_whole: true });
const pulse = (seq) => ({ type: RoomEvent.Pulse, seq, term: 0, at: "" });

const made = [];
after(() => {
  for (const room of made) room.close();
});

/** A browser that has joined: its sockets so far, the connection, and what the page was told. */
function joined({ events = [], ...options } = {}) {
  const sockets = [];
  const seen = [];
  const room = new RoomConnection("ws://room", "tab", {
    ...options,
    open: () => {
      sockets.push(new FakeSocket());
      return sockets.at(-1);
    },
  });
  made.push(room);
  room.addEventListener(RoomEvent.CaseOpened, ({ detail }) => seen.push(detail.seq));
  sockets[0].open();
  sockets[0].say(welcome(...events));
  return { sockets, room, seen, socket: sockets[0] };
}

const timers = (t) => t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });

test("the first message is a hello with version, tab and last seq; then a heartbeat", () => {
  assert.deepEqual(joined().socket.sent, [HELLO, beat(0)]);
});

test("a page that is loaded up to a seq asks for what comes after it", () => {
  assert.deepEqual(joined({ since: 12 }).socket.sent[0], { ...HELLO, since: 12 });
});

test("what was missed reaches the page in order, then what comes next", () => {
  const { socket, seen } = joined({ events: [opened(1), opened(2)] });
  socket.say(opened(3));
  assert.deepEqual(seen, [1, 2, 3]);
});

test("a gap asks for what is missing and shows nothing out of order", () => {
  const { socket, seen } = joined({ events: [opened(1)] });
  socket.say(opened(3));
  assert.deepEqual(seen, [1]);
  assert.deepEqual(socket.sent.at(-1), { ...HELLO, since: 1 });
  socket.say(welcome(opened(2), opened(3)));
  assert.deepEqual(seen, [1, 2, 3]);
});

test("a gap is asked about once, however much comes before the answer", () => {
  const { socket } = joined({ events: [opened(1)] });
  const hellos = () => socket.sent.filter(({ type }) => type === HELLO.type).length;
  for (const seq of [3, 4, 5]) socket.say(opened(seq));
  assert.equal(hellos(), 2);
});

test("what is said between the reading of the record and the welcome is asked for after it", () => {
  const { socket, seen } = joined({ events: [opened(1)] });
  socket.say(opened(3));
  socket.say(opened(4)); // too late for the welcome that is on its way
  socket.say(welcome(opened(2), opened(3)));
  assert.deepEqual(socket.sent.filter(({ type }) => type === HELLO.type).at(-1).since, 3);
  socket.say(welcome(opened(4)));
  assert.deepEqual(seen, [1, 2, 3, 4]);
});

test("a line that breaks while a gap is asked about asks again on the next", (t) => {
  timers(t);
  const { sockets, socket } = joined({ events: [opened(1)] });
  socket.say(opened(3));
  socket.drop(1006);
  t.mock.timers.tick(1000);
  sockets[1].open();
  assert.deepEqual(sockets[1].sent, [{ ...HELLO, since: 1 }]);
  sockets[1].say(welcome(opened(2), opened(3)));
  sockets[1].say(opened(5));
  assert.deepEqual(sockets[1].sent.at(-1), { ...HELLO, since: 3 });
});

test("an event heard twice is shown once", () => {
  const { socket, seen } = joined();
  socket.say(opened(1));
  socket.say(opened(1));
  assert.deepEqual(seen, [1]);
});

test("a pulse that is ahead asks for the lost last event; one that is not asks nothing", () => {
  const { socket } = joined({ events: [opened(1)] });
  const hellos = () => socket.sent.filter(({ type }) => type === HELLO.type).length;
  socket.say(pulse(1));
  assert.equal(hellos(), 1);
  socket.say(pulse(2));
  assert.equal(hellos(), 2);
});

test("every pulse is answered by a heartbeat: a hidden tab's timers sleep", () => {
  const { socket } = joined({
    condition: () => ({ presenting: false, following: false, preview: 25 }),
  });
  socket.say(pulse(0));
  assert.deepEqual(socket.sent.at(-1), beat(0, { following: false, preview: 25 }));
});

test("only the tab that presents beats by itself", (t) => {
  timers(t);
  for (const [presenting, beats] of [
    [true, 3],
    [false, 1],
  ]) {
    const { socket } = joined({
      condition: () => ({ presenting, following: true, preview: null }),
    });
    t.mock.timers.tick(4000);
    assert.equal(socket.sent.filter(({ type }) => type === "room.heartbeat").length, beats);
  }
});

test("a line that is silent for 15 s is dropped and made again with what was heard last", (t) => {
  timers(t);
  const { sockets, room } = joined({ events: [opened(1)] });
  let lost = 0;
  room.addEventListener("room.lost", () => lost++);
  t.mock.timers.tick(14_000);
  assert.equal(sockets.length, 1);
  t.mock.timers.tick(4000);
  assert.deepEqual([sockets.length, sockets[0].wasClosed, lost], [2, true, 1]);
  sockets[1].open();
  assert.deepEqual(sockets[1].sent, [{ ...HELLO, since: 1 }]);
});

test("what the dropped socket still says is not heard", (t) => {
  timers(t);
  const { sockets, seen } = joined();
  t.mock.timers.tick(18_000);
  sockets[0].say(opened(1));
  sockets[0].drop(1006);
  t.mock.timers.tick(1000);
  assert.deepEqual([seen, sockets.length], [[], 2]);
});

test("a machine that wakes trusts no old socket, but keeps a fresh one", (t) => {
  timers(t);
  const { sockets, room } = joined();
  room.wake();
  assert.equal(sockets.length, 1);
  t.mock.timers.setTime(Date.now() + 11_000);
  room.wake();
  assert.equal(sockets.length, 2);
});

test("a machine that wakes does not wait for the next try", (t) => {
  timers(t);
  const { sockets, room } = joined();
  sockets[0].drop(1006);
  room.wake();
  assert.equal(sockets.length, 2);
  t.mock.timers.tick(20_000);
  assert.ok(sockets.length <= 3, "the try that was planned is not made as well");
});

test("a welcome that is not whole goes on from its position; the page loads the rest", () => {
  const { socket, room, seen } = joined();
  const heard = [];
  room.addEventListener(RoomEvent.Welcome, ({ detail }) => heard.push(detail.is_whole));
  socket.say({ ...welcome(opened(4000)), position: { seq: 5000 }, is_whole: false });
  socket.say(opened(5001));
  assert.deepEqual([heard, seen], [[false], [5001]]);
});

test("a durable command is kept over a break, sent again, and let go once answered", (t) => {
  timers(t);
  const { sockets, room } = joined({ events: [opened(1)] });
  room.sendDurable(TAKE);
  sockets[0].drop(1006);
  t.mock.timers.tick(1000);
  sockets[1].open();
  assert.deepEqual(sockets[1].sent, [{ ...HELLO, since: 1 }]);
  sockets[1].say(welcome());
  assert.deepEqual(
    sockets[1].sent.filter(({ type }) => type === TAKE.type),
    [TAKE],
  );
  assert.equal(room.unanswered, 1);
  sockets[1].say({ type: RoomEvent.Ack, id: TAKE.id, seq: 2 });
  assert.equal(room.unanswered, 0);
});

test("a nak that allows it is tried again; one that does not is final", (t) => {
  timers(t);
  const { socket, room } = joined();
  const nak = { type: RoomEvent.Nak, id: TAKE.id, code: "c", message: "m" };
  const takes = () => socket.sent.filter(({ type }) => type === TAKE.type).length;
  room.sendDurable(TAKE);
  socket.say({ ...nak, retry: true });
  t.mock.timers.tick(1500);
  assert.equal(takes(), 2);
  socket.say({ ...nak, retry: false });
  assert.equal(room.unanswered, 0);
});

test("a lost line says since when nothing was heard, however often it is tried anew", (t) => {
  timers(t);
  const { sockets, room } = joined();
  const since = [];
  room.addEventListener("room.lost", ({ detail }) => since.push(detail.since));
  assert.equal(room.lostAt, null);
  const heard = Date.now();
  t.mock.timers.tick(4000);
  sockets[0].drop(1006);
  t.mock.timers.tick(1000);
  sockets[1].drop(1006);
  t.mock.timers.tick(2000);
  assert.equal(room.lostAt, heard);
  assert.deepEqual(since, [heard, heard]);
  sockets[2].open();
  sockets[2].say(welcome());
  assert.equal(room.lostAt, null);
});

for (const [letter, size, isSent] of [
  ["x", 65536, true],
  ["x", 65537, false],
  ["é", 65536, true],
  ["é", 65537, false],
]) {
  test(`a command of ${size} bytes in ${letter} is ${isSent ? "sent" : "refused here, in words"}`, async () => {
    const { socket, room } = joined();
    const naks = [];
    room.addEventListener(RoomEvent.Nak, ({ detail }) => naks.push(detail));
    const draft = (text) => ({ type: "outcome.draft", id: "id-2", fields: { actions: text } });
    const left = size - JSON.stringify(draft("")).length;
    const bytes = letter === "x" ? 1 : 2;
    room.sendDurable(draft(letter.repeat(Math.floor(left / bytes)) + "x".repeat(left % bytes)));
    assert.equal(room.unanswered, isSent ? 1 : 0);
    await Promise.resolve();
    assert.equal(socket.sent.filter(({ id }) => id === "id-2").length, isSent ? 1 : 0);
    const said = isSent ? [] : [["id-2", "protocol.too_long", false]];
    assert.deepEqual(
      naks.map(({ id, code, retry }) => [id, code, retry]),
      said,
    );
  });
}

test("a picture is not kept for later when the socket is down", (t) => {
  timers(t);
  const { sockets, room } = joined();
  sockets[0].drop(1006);
  room.sendEphemeral({ type: "view.show" });
  t.mock.timers.tick(1000);
  sockets[1].open();
  sockets[1].say(welcome());
  assert.deepEqual(sockets[1].sent, [HELLO, beat(0)]);
});

test("a line with much unsent says so", () => {
  const { socket, room } = joined();
  assert.equal(room.isFull, false);
  socket.bufferedAmount = 16 * 1024;
  assert.equal(room.isFull, true);
});

for (const [code, expected] of [
  [4404, 1],
  [4401, 1],
  [1006, 2],
  [4408, 2],
]) {
  test(`after close code ${code} there have been ${expected} sockets`, (t) => {
    timers(t);
    const { sockets, room } = joined();
    const sentences = [];
    room.addEventListener("room.closed", ({ detail }) => sentences.push(detail.message));
    sockets[0].drop(code);
    t.mock.timers.tick(1000);
    assert.equal(sockets.length, expected);
    assert.equal(sentences.length, expected === 1 ? 1 : 0);
  });
}
