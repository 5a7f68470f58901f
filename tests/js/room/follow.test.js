import assert from "node:assert/strict";
import { test } from "node:test";

import { Follow } from "../../../static/js/room/follow.js";
import { KEYS, pressed } from "../../../static/js/room/keys.js";
import { EMPTY_ROOM } from "../../../static/js/room/state.js";

const at = (position) => ({ ...EMPTY_ROOM, position: { ...EMPTY_ROOM.position, ...position } });
const NOBODY = at({});
const OTHER = at({ term: 1, presenter: "ruth", tab: "hers", case: 3 });
const MINE = at({ term: 2, presenter: "me", tab: "tab", case: 3 });
const LAPSED = { ...MINE, lapsed: 2 };
const MY_OTHER_TAB = at({ term: 2, presenter: "me", tab: "another", case: 3 });

const follow = (room) => {
  const follow = new Follow("me", "tab");
  follow.heed(room);
  return follow;
};

test("who presents is decided by person and tab together", () => {
  assert.equal(follow(MINE).mode(MINE), "presenting");
  assert.equal(follow(MY_OTHER_TAB).mode(MY_OTHER_TAB), "following");
  assert.equal(follow(OTHER).mode(OTHER), "following");
  assert.equal(follow(NOBODY).mode(NOBODY), "free");
});

test("a presenter whose lease has lapsed presents no longer, and moves their own picture alone", () => {
  const one = follow(LAPSED);
  assert.equal(one.mode(LAPSED), "lapsed");
  assert.equal(one.moved(LAPSED), "lapsed");
  assert.equal(one.toggle(LAPSED), "lapsed");
  assert.equal(one.mode(MINE), "presenting");
});

test("a lease that lapsed in an earlier term, or of another, takes nothing from who presents", () => {
  const before = { ...MINE, lapsed: 1 };
  assert.equal(follow(before).mode(before), "presenting");
  const another = { ...OTHER, lapsed: 1 };
  assert.equal(follow(another).mode(another), "following");
});

test("a hand on the picture looks around; F comes back", () => {
  const one = follow(OTHER);
  assert.equal(one.moved(OTHER), "roaming");
  assert.equal(one.mode(OTHER), "roaming");
  assert.equal(one.toggle(OTHER), "following");
});

test("a hand on the picture is no leaving where nobody presents, nor while presenting", () => {
  assert.equal(follow(NOBODY).moved(NOBODY), "free");
  assert.equal(follow(MINE).moved(MINE), "presenting");
});

test("F does nothing to who presents or where nobody does", () => {
  assert.equal(follow(MINE).toggle(MINE), "presenting");
  assert.equal(follow(NOBODY).toggle(NOBODY), "free");
});

test("the next case brings everybody back", () => {
  const one = follow(OTHER);
  one.moved(OTHER);
  const next = at({ ...OTHER.position, case: 9 });
  one.heed(next);
  assert.equal(one.mode(next), "following");
});

test("an event that is not a case leaves who looks around where they are", () => {
  const one = follow(OTHER);
  one.moved(OTHER);
  one.heed(at({ ...OTHER.position, seq: 12 }));
  assert.equal(one.mode(OTHER), "roaming");
});

const press = (key, more = {}) => ({
  key,
  shiftKey: false,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  ...more,
});

test("N alone turns nobody's room; Shift and N do", () => {
  assert.deepEqual(pressed(press("n")), { act: "next-case", isAllowed: false });
  assert.deepEqual(pressed(press("N", { shiftKey: true })), { act: "next-case", isAllowed: true });
});

test("what moves only mine needs one key", () => {
  assert.deepEqual(pressed(press("f")), { act: "follow", isAllowed: true });
  assert.deepEqual(pressed(press("[")), { act: "fold-left", isAllowed: true });
});

test("the browser's own keys are left alone", () => {
  for (const held of ["ctrlKey", "altKey", "metaKey"]) {
    assert.equal(pressed(press("n", { [held]: true, shiftKey: true })), null);
  }
});

test("no key has two meanings", () => {
  assert.equal(new Set(KEYS.map(({ key }) => key)).size, KEYS.length);
});
