import assert from "node:assert/strict";
import { test } from "node:test";
import { matches, nextIndex } from "../../static/js/pages/list-page.js";

test("a card is shown when it holds every word of the filter, in any order and case", () => {
  const words = "khan, amina left frontal lesion: resectable?";
  for (const filter of ["", "  ", "KHAN", "resect khan", "fron"]) assert.ok(matches(words, filter));
  for (const filter of ["dean", "khan right"]) assert.ok(!matches(words, filter));
});

test("arrows stop at the ends of the list and begin at its near end", () => {
  assert.deepEqual(
    [nextIndex(-1, 1, 3), nextIndex(-1, -1, 3), nextIndex(0, 1, 3), nextIndex(1, -1, 3)],
    [0, 2, 1, 0],
  );
  assert.deepEqual([nextIndex(0, -1, 3), nextIndex(2, 1, 3)], [0, 2]);
});
