import assert from "node:assert/strict";
import { test } from "node:test";

import { Sender } from "../../../static/js/room/sender.js";

/** A sender whose animation frames are turned by hand. */
function rig({ isFull = false } = {}) {
  const sent = [];
  const frames = [];
  const line = { isFull, sendEphemeral: (command) => sent.push(command) };
  const place = { seq: 9, case: 3, case_id: "smith", term: 1 }; // the room's whole position
  const now = { value: 0 };
  const clock = { frame: (draw) => frames.push(draw), now: () => now.value };
  const sender = new Sender(line, () => place, clock);
  const frame = () => {
    for (const draw of frames.splice(0)) draw();
  };
  return { sender, sent, line, place, frame, frames, now };
}

const view = (frame) => (fence) => ({ type: "view.show", fence, pane: "a", view: { frame } });
const timers = (t) => t.mock.timers.enable({ apis: ["setTimeout"] });

test("of many changes in one animation frame the newest is sent, once", (t) => {
  timers(t);
  const { sender, sent, frame } = rig();
  for (const n of [1, 2, 3]) sender.offer("view:a", view(n));
  frame();
  assert.deepEqual(
    sent.map((one) => one.view.frame),
    [3],
  );
});

test("panes are sent side by side", (t) => {
  timers(t);
  const { sender, sent, frame } = rig();
  sender.offer("view:a", view(1));
  sender.offer("view:b", view(2));
  frame();
  assert.equal(sent.length, 2);
});

test("onto a full line nothing is sent: the newest waits for the next frame", (t) => {
  timers(t);
  const { sender, sent, frame, line } = rig({ isFull: true });
  sender.offer("view:a", view(1));
  frame();
  assert.deepEqual(sent, []);
  sender.offer("view:a", view(2));
  line.isFull = false;
  frame();
  assert.deepEqual(
    sent.map((one) => one.view.frame),
    [2],
  );
});

test("the last one is sent again once it settled, as a newer one", (t) => {
  timers(t);
  const { sender, sent, frame } = rig();
  sender.offer("view:a", view(7));
  frame();
  t.mock.timers.tick(300);
  assert.deepEqual(
    sent.map((one) => one.view.frame),
    [7, 7],
  );
  assert.ok(sent[1].fence.n > sent[0].fence.n);
  t.mock.timers.tick(3000);
  assert.equal(sent.length, 2);
});

test("the fence is that of the moment of sending", (t) => {
  timers(t);
  const { sender, sent, frame, place } = rig();
  sender.offer("view:a", view(1));
  place.term = 2;
  frame();
  const { n, ...fence } = sent[0].fence;
  assert.deepEqual(fence, { case: 3, term: 2 });
  assert.ok(n > 0);
});

test("after a new case nothing of the last one is said, not even as settled", (t) => {
  timers(t);
  const { sender, sent, frame } = rig();
  sender.offer("view:a", view(1));
  frame();
  sender.offer("view:a", view(2));
  sender.forget();
  frame();
  t.mock.timers.tick(1000);
  assert.deepEqual(
    sent.map((one) => one.view.frame),
    [1],
  );
});

test("one's own message back from the room measures the way", (t) => {
  timers(t);
  const { sender, sent, frame, now } = rig();
  sender.offer("view:a", view(1));
  frame();
  now.value = 12;
  assert.equal(sender.tookFor(sent[0].fence.n), 12);
  assert.equal(sender.tookFor(sent[0].fence.n), null);
  assert.equal(sender.tookFor(1), null);
});

test("what is withdrawn is neither said nor said again, and the rest is", (t) => {
  timers(t);
  const { sender, sent, frame } = rig();
  sender.offer("view:a", view(1));
  sender.offer("view:b", view(2));
  frame();
  sender.offer("view:a", view(3));
  sender.withdraw("view:a");
  frame();
  t.mock.timers.tick(1000);
  assert.deepEqual(
    sent.map((one) => one.view.frame),
    [1, 2, 2],
  );
});

const point = (x) => (fence) => ({ type: "pointer.move", fence, pane: "a", point: { x } });

/** A hand that moves at every frame of a screen of so many hertz; what was sent of each kind. */
function dragged(t, hertz, seconds, more = () => {}) {
  timers(t);
  const { sender, sent, frame, now } = rig();
  const frames = hertz * seconds;
  for (let n = 1; n <= frames; n++) {
    now.value = (n * 1000) / hertz + 2 * (n % 2); // no screen is even
    sender.offer("pointer", point(n));
    sender.offer("view:a", view(n));
    more(sender, n);
    frame();
  }
  for (let n = 1; n <= 10; n++) {
    now.value += 1000 / hertz;
    frame();
  }
  const views = sent.filter(({ type, pane }) => type === "view.show" && pane === "a");
  return { sent, views, points: sent.filter(({ type }) => type === "pointer.move"), frames };
}

for (const hertz of [60, 75, 144, 240]) {
  test(`a drag at ${hertz} Hz stays below what the room takes, and its last view and point are sent`, (t) => {
    const seconds = 4;
    const { views, points, frames } = dragged(t, hertz, seconds);
    assert.ok(views.length <= 60 * seconds + 3, `${views.length} views`);
    assert.ok(points.length <= 30 * seconds + 3, `${points.length} points`);
    assert.deepEqual([views.at(-1).view.frame, points.at(-1).point.x], [frames, frames]);
  });
}

test("a drag at 60 Hz sends the view of every frame, in that frame", (t) => {
  const { views, frames } = dragged(t, 60, 4);
  assert.ok(views.length >= frames - 1, `${views.length} of ${frames}`);
});

test("two pictures, a pointer and a half drawn mark together stay below what the room takes", (t) => {
  const { sent } = dragged(t, 144, 4, (sender, n) => {
    sender.offer("view:b", view(n));
    sender.offer("preview", (fence) => ({ type: "mark.preview", fence }));
  });
  assert.ok(sent.length <= (60 * 3 + 30) * 4 + 12, `${sent.length} messages`);
});

test("after a pause a view leaves with the next frame", (t) => {
  timers(t);
  const { sender, sent, frame, now } = rig();
  for (const n of [1, 2, 3]) {
    sender.offer("view:a", view(n));
    frame();
  }
  const before = sent.length;
  now.value = 100;
  sender.offer("view:a", view(4));
  frame();
  assert.equal(sent.length, before + 1);
  assert.equal(sent.at(-1).view.frame, 4);
});

test("what hangs is said before its views, and a point after the picture it is on", (t) => {
  timers(t);
  const { sender, sent, frame } = rig();
  sender.offer("pointer", point(1));
  sender.offer("view:a", view(1));
  sender.offer("layout", (fence) => ({ type: "layout.show", fence }));
  frame();
  assert.deepEqual(
    sent.map(({ type }) => type),
    ["layout.show", "view.show", "pointer.move"],
  );
});
