import assert from "node:assert/strict";
import { test } from "node:test";

import { Rest, REST_MS } from "../../../static/js/room/outcome-rest.js";

test("a button that becomes another patient's takes no click that was meant for the last", () => {
  const rest = new Rest();
  rest.offer("smith/1/signed", 1000);
  assert.equal(rest.isOver(1000 + REST_MS), true);
  assert.equal(rest.offer("jones/1/signed", 2000), true);
  assert.equal(rest.isOver(2000 + REST_MS - 1), false);
  assert.equal(rest.isOver(2000 + REST_MS), true);
});

test("the second press of a double click confirms nothing that was only just read back", () => {
  const rest = new Rest();
  rest.offer("smith/1/read-back", 0);
  rest.offer("smith/1/confirmed", 5000);
  assert.equal(rest.isOver(5200), false);
});

test("a redraw of the same offer makes nobody wait again", () => {
  const rest = new Rest();
  rest.offer("smith/1/signed", 0);
  assert.equal(rest.offer("smith/1/signed", 400), false);
  assert.equal(rest.isOver(REST_MS), true);
});
