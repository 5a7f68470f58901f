import assert from "node:assert/strict";
import { test } from "node:test";

import { ByteCache } from "../../../static/js/viewer/cache.js";
import { firstPart, outward, runFrom } from "../../../static/js/viewer/fetch-order.js";
import { frame } from "./stack.js";

test("neighbours come outward, two ahead for one behind", () => {
  assert.deepEqual(outward(20, 10, 1).slice(0, 8), [10, 11, 12, 9, 13, 14, 8, 15]);
  assert.deepEqual(outward(20, 10, -1).slice(0, 8), [10, 9, 8, 11, 7, 6, 12, 5]);
});

test("every frame comes once, whatever the place", () => {
  for (const at of [1, 2, 5, 9]) {
    for (const direction of [1, -1]) {
      const order = outward(9, at, direction);
      assert.deepEqual(
        [...order].sort((a, b) => a - b),
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
      );
      assert.equal(order[0], at);
    }
  }
});

test("a small frame comes at once, a large one by its quarter size first", () => {
  assert.equal(firstPart({ length: 30_000, ends: [1, 2, 3, 4, 5, 6] }), -1);
  assert.equal(firstPart({ length: 300_000, ends: [1, 2, 3, 4, 5, 6] }), 3);
  assert.equal(firstPart({ length: 300_000, ends: [1, 300_000] }), -1);
});

test("frames side by side come in one request, in either direction", () => {
  const frames = Array.from({ length: 20 }, (_, i) => frame(i + 1));
  const all = () => true;
  assert.deepEqual(runFrom(frames, 5, 1, all), [5, 6, 7, 8, 9, 10, 11, 12]);
  assert.deepEqual(runFrom(frames, 5, -1, all), [5, 4, 3, 2, 1]);
});

test("a run ends at what is not needed, at another segment and at a gap", () => {
  const frames = Array.from({ length: 9 }, (_, i) => frame(i + 1));
  assert.deepEqual(
    runFrom(frames, 1, 1, (n) => n < 4),
    [1, 2, 3],
  );
  frames[2] = frame(3, { segment: 2 });
  assert.deepEqual(
    runFrom(frames, 1, 1, () => true),
    [1, 2],
  );
  frames[2] = frame(3, { offset: 2500 });
  assert.deepEqual(
    runFrom(frames, 1, 1, () => true),
    [1, 2],
  );
});

test("a run ends before it grows too large to be given up", () => {
  const size = 900_000;
  const frames = [1, 2, 3, 4].map((n) => frame(n, { offset: (n - 1) * size, length: size }));
  assert.deepEqual(
    runFrom(frames, 1, 1, () => true),
    [1, 2],
  );
});

test("the least recently used is given up first, and no more than needed", () => {
  const cache = new ByteCache(30);
  for (const key of ["a", "b", "c"]) cache.put(key, key, 10);
  cache.get("a");
  cache.put("d", "d", 10);
  assert.deepEqual(
    [..."abcd"].filter((key) => cache.has(key)),
    ["a", "c", "d"],
  );
  assert.equal(cache.bytes, 30);
});

test("one thing larger than the whole budget is kept alone", () => {
  const cache = new ByteCache(30);
  cache.put("a", "a", 10);
  cache.put("b", "b", 99);
  assert.deepEqual([cache.has("a"), cache.get("b")], [false, "b"]);
});

test("putting the same key again does not count twice", () => {
  const cache = new ByteCache(30);
  cache.put("a", 1, 20);
  cache.put("a", 2, 20);
  assert.deepEqual([cache.bytes, cache.size, cache.get("a")], [20, 1, 2]);
});
