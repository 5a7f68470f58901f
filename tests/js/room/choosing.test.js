import assert from "node:assert/strict";
import { test } from "node:test";

import { Presence } from "../../../static/js/room/presence.js";
import { EMPTY_ROOM } from "../../../static/js/room/state.js";
import { Toolbar } from "../../../static/js/room/toolbar.js";
import { FakeElement, putPage } from "../fake-page.js";

putPage();

const by = (root, key) => root.querySelector(`[data-key="${key}"]`);
const choose = (menu, value) => {
  menu.value = value;
  menu.dispatchEvent(new Event("change"));
};

/** The chair's end of the banner, among these people. */
function presence() {
  const root = new FakeElement();
  const given = [];
  const part = new Presence(root, { take: () => {}, give: (person) => given.push(person) });
  const show = (...people) => {
    const present = people.map((person) => ({ person, name: person, following: true }));
    part.show({
      room: { ...EMPTY_ROOM, meeting: "live", roster: { present } },
      you: { person: "me", roles: ["chair"] },
      mode: "presenting",
      maySteer: true,
      authorOf: () => ({ shape: "●" }),
    });
  };
  const menu = () => root.querySelector("select");
  return { show, given, menu, button: () => by(root, "give") };
}

test("choosing a name in the menu hands nothing over until the button is pressed", () => {
  const { show, given, menu, button } = presence();
  show("me", "ann", "bob");
  choose(menu(), "ann");
  choose(menu(), "bob");
  assert.deepEqual(given, []);
  button().click();
  button().click();
  assert.deepEqual(given, ["bob"]);
});

test("nothing is handed over while no name is chosen, and nothing offers to", () => {
  const { show, given, menu, button } = presence();
  show("me", "ann");
  assert.equal(button().hidden, true);
  button().click();
  assert.deepEqual(given, []);
  choose(menu(), "ann");
  assert.equal(button().hidden, false);
  show("me", "ann", "bob");
  assert.equal(button().hidden, false, "still chosen when somebody comes");
  choose(menu(), "bob");
  button().click();
  assert.equal(button().hidden, true);
});

test("the name that was chosen stays chosen when somebody comes, and goes with its person", () => {
  const { show, menu } = presence();
  const chosen = () =>
    menu()
      .all.filter((option) => option.getAttribute("selected") !== null)
      .map((option) => option.value);
  show("me", "ann");
  choose(menu(), "ann");
  show("me", "ann", "bob");
  assert.deepEqual(chosen(), ["ann"]);
  show("me", "bob");
  assert.deepEqual(chosen(), []);
});

test("choosing a window in the menu moves no picture until the button is pressed", () => {
  const root = new FakeElement();
  const acts = [];
  const toolbar = new Toolbar(root, "sprite.svg", (act) => acts.push(act));
  const presets = ["brain", "bone"];
  toolbar.show({ tool: "window", mode: "presenting", isPointing: false, mayMark: true, presets });
  choose(root.querySelector("select"), "preset-2");
  assert.deepEqual(acts, []);
  by(root, "apply").click();
  by(root, "apply").click();
  assert.deepEqual(acts, ["preset-2"]);
});
