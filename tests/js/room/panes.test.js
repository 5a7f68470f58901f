import assert from "node:assert/strict";
import { test } from "node:test";

import { Panes } from "../../../static/js/room/panes.js";
import { FakeElement, putPage } from "../fake-page.js";

putPage();

/** A pane that notes what it is told; its series is there once `arrive` is called. */
class FakePane extends EventTarget {
  opened = [];
  views = [];
  open(what) {
    this.opened.push(what.series);
    return new Promise((resolve) => {
      this.arrive = () => resolve(true);
    });
  }
  setView(view) {
    this.views.push(view);
  }
  setTool() {}
  setAuthors() {}
  destroy() {}
}

const HEARD = { opened: () => {}, improved: () => {} };
const STACK = { kind: "stack", frame: 7 };
const SLICE = { kind: "plane", slab: 0 };

/** One pane that hangs for a case. */
function hung(kind = "stack") {
  const pane = new FakePane();
  const panes = new Panes(new FakeElement(), () => pane, HEARD);
  const layout = { panes: [{ id: "a", kind, series: "s", version: 1 }], active: "a" };
  panes.hang("smith", layout, null);
  return { panes, pane };
}

const arrived = async (pane) => {
  pane.arrive();
  await new Promise((resolve) => setImmediate(resolve));
};

test("a view of a kind no pane draws is handed down, so that the older picture goes", async () => {
  const { panes, pane } = hung();
  await arrived(pane);
  panes.follow({ a: { view: STACK, n: 1 } });
  panes.follow({ a: { view: SLICE, n: 2 } });
  assert.deepEqual(pane.views, [STACK, SLICE]);
});

test("one that came before the pane was open is the first thing it is told", async () => {
  const { panes, pane } = hung();
  panes.follow({ a: { view: SLICE, n: 1 } });
  assert.deepEqual(pane.views, []);
  await arrived(pane);
  assert.deepEqual(pane.views, [SLICE]);
});

test("a pane of a kind this page does not draw opens no series and says so", () => {
  const { pane } = hung("video");
  assert.deepEqual(pane.opened, []);
  assert.deepEqual(pane.views, [{ kind: "video" }]);
});

test("a stack is opened and told nothing of itself", () => {
  const { pane } = hung();
  assert.deepEqual(pane.opened, ["s"]);
  assert.deepEqual(pane.views, []);
});

test("the pane that takes the focus is the active one, as the pane that is touched", () => {
  const root = new FakeElement();
  const panes = new Panes(root, () => new FakePane(), HEARD);
  const pane = (id) => ({ id, kind: "stack", series: id, version: 1 });
  panes.hang("smith", { panes: [pane("a"), pane("b")], active: "a" }, null);
  const within = (id) => ({ closest: () => root.querySelector(`[data-pane="${id}"]`) });
  const reach = (type, id) => {
    const event = new Event(type);
    Object.defineProperty(event, "target", { value: Object.assign(new FakeElement(), within(id)) });
    root.dispatchEvent(event);
    return panes.active;
  };
  assert.deepEqual([reach("focusin", "b"), reach("pointerdown", "a")], ["b", "a"]);
});
