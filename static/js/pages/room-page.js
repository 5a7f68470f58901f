import { Follow } from "../room/follow.js";
import { part } from "../room/dom.js";
import { RoomHttp, sentence } from "../room/http.js";
import { Model } from "../room/model.js";
import { RoomApp } from "../room/room-app.js";
import { OtherTabs, tabName } from "../room/tabs.js";
import { Troubles } from "../room/trouble.js";
import { $ } from "../shared/dom.js";
import { Desk } from "../viewer/desk.js";
import { ImagePane } from "../viewer/image-pane.js";

const root = $("#room");
const { meeting = "", worker = "", codec = "", wasm = "", sprite = "" } = root.dataset;
const assets = { worker, codec, wasm };
const desk = new Desk(assets);
const http = new RoomHttp();
const troubles = new Troubles(part(root, "troubles"));

try {
  const tab = tabName();
  const data = await http.room(meeting);
  const model = new Model(data, new Follow(data.you.person, tab), tab);
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  new RoomApp(root, model, {
    http,
    troubles,
    sprite,
    socketUrl: `${scheme}://${location.host}/ws/${meeting}/`,
    desk,
    makePane: ({ element, caseId }) => new ImagePane({ element, caseId, assets, ...desk.shared }),
  });
  new OtherTabs(meeting, tab, (count) => {
    const text =
      "This meeting is open in another tab of this browser too. You count once. (room.second_tab)";
    troubles.set("tab", count ? { text, act: "OK" } : null);
  });
} catch (failure) {
  troubles.set("closed", {
    text: `The room could not be loaded. ${sentence(failure)} Reload to try again.`,
  });
}
