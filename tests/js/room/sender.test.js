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
