import assert from "node:assert/strict";
import { test } from "node:test";

import { chosen, finished, followed, UNBOUND } from "../../../static/js/room/outcome-binding.js";

const now = (case_id, more = {}) => {
  const { meeting = "live", isListed = true, holds = false } = more;
  return { room: { meeting, position: { case_id } }, isListed, holds };
};
const of = (caseId) => ({ caseId, isChosen: false });

test("a panel nobody typed in goes with the room", () => {
  assert.deepEqual(followed(UNBOUND, now("smith")), of("smith"));
  assert.deepEqual(followed(of("smith"), now("jones")), of("jones"));
});

test("a case that holds words stays, whatever the room turns to", () => {
  assert.deepEqual(followed(of("smith"), now("jones", { holds: true })), of("smith"));
});

test("a case chosen on the rail stays through every redraw until its step is done", () => {
  let binding = chosen("smith");
  for (const open of ["jones", "jones", "khan"]) binding = followed(binding, now(open));
  assert.equal(binding.caseId, "smith");
  assert.deepEqual(followed(finished(binding), now("khan")), of("khan"));
});

test("a chosen case the room comes to is the room's again, and goes with it", () => {
  const there = followed(chosen("smith"), now("smith"));
  assert.deepEqual(followed(there, now("khan")), of("khan"));
});

test("choosing the room's own case is going back to the room", () => {
  assert.deepEqual(followed(chosen("jones"), now("jones")), of("jones"));
});

test("after the meeting nobody moves: the panel stays where it is", () => {
  const closed = { meeting: "closed" };
  assert.deepEqual(followed(finished(chosen("smith")), now("khan", closed)), of("smith"));
  assert.deepEqual(followed(UNBOUND, now("khan", closed)), of("khan"));
});

test("a case that is not this person's to see takes nobody along", () => {
  assert.deepEqual(followed(of("smith"), now("hidden", { isListed: false })), of("smith"));
  assert.equal(followed(UNBOUND, now(null)), UNBOUND);
});
