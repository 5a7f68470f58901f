import assert from "node:assert/strict";
import { test } from "node:test";

import { Shelves } from "../../../static/js/viewer/shelf.js";
import { metadata } from "./stack.js";

const MB = 2 ** 20;
const picture = (bytes = 8, level = 0) => ({ samples: new Uint8Array(bytes), level });

test("two panes on one version of a series share what is here, and each is told of it", () => {
  const shelves = new Shelves();
  const [one, other] = [1, 2].map(() => shelves.borrow("s", metadata(3)));
  const heard = [];
  other.addEventListener("frame", ({ detail }) => heard.push(detail.number));
  one.put(2, picture());
  assert.equal(other.picture(2)?.level, 0);
  assert.deepEqual(heard, [2]);
});

test("a preview never takes the place of a whole picture", () => {
  const shelf = new Shelves().borrow("s", metadata(3));
  shelf.put(1, picture());
  shelf.put(1, picture(4, 2));
  assert.equal(shelf.picture(1).level, 0);
});

test("another version of a series has a shelf of its own, and what nobody looks at is dropped", () => {
  const shelves = new Shelves();
  const old = shelves.borrow("s", metadata(3));
  old.put(1, picture());
  shelves.release(old);
  assert.ok(shelves.find("s", 1));
  const newer = shelves.borrow("s", metadata(3, {}, { version: 2 }));
  assert.equal(newer.picture(1), null);
  assert.equal(shelves.find("s", 1), null);
});

test("a pane keeps its version while a newer one is made ready", () => {
  const shelves = new Shelves();
  const old = shelves.borrow("s", metadata(3));
  old.put(1, picture());
  shelves.borrow("s", metadata(3, {}, { version: 2 }));
  assert.ok(shelves.find("s", 1)?.picture(1));
});

test("what nobody looks at is bounded, and what was left first goes first", () => {
  const shelves = new Shelves(2 * MB);
  for (const series of ["a", "b", "c"]) {
    const shelf = shelves.borrow(series, metadata(3));
    shelf.put(1, picture(0.9 * MB));
    shelves.release(shelf);
  }
  assert.equal(shelves.find("a", 1), null);
  assert.ok(shelves.find("b", 1)?.picture(1) && shelves.find("c", 1)?.picture(1));
});

test("a pane that is alone with its series keeps nothing of it when it closes", () => {
  const shelves = new Shelves(0);
  const shelf = shelves.borrow("s", metadata(3));
  shelf.put(1, picture());
  shelves.release(shelf);
  assert.equal(shelves.find("s", 1), null);
});

test("what was taken back is gone for those to come, and at once where nobody looks at it", () => {
  const shelves = new Shelves();
  const shelf = shelves.borrow("s", metadata(3));
  shelf.put(1, picture());
  shelf.keepCoded(2, new Uint8Array(8));
  shelves.drop("s");
  assert.equal(shelves.find("s", 1), null);
  assert.notEqual(shelves.borrow("s", metadata(3)), shelf);
  shelves.release(shelf);
  assert.equal(shelf.picture(1), null);
  assert.equal(shelf.hasCoded(2), false);
});

test("what was fetched ahead is used up by decoding it", () => {
  const shelf = new Shelves().borrow("s", metadata(3));
  const bytes = new Uint8Array(8);
  shelf.keepCoded(2, bytes);
  assert.equal(shelf.takeCoded(2), bytes);
  assert.equal(shelf.takeCoded(2), undefined);
});
