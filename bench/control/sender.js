// The least a presenter's page can do: a wheel step, one message at the next animation frame.
const socket = new WebSocket(`ws://${location.host}/relay`);
/** @type {Map<number, number>} */
const sentAt = new Map();
let n = 0;
let isDue = false;

addEventListener("wheel", () => {
  n += 1;
  sentAt.set(n, performance.timeOrigin + performance.now());
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    socket.send(String(n));
  });
});

Object.assign(window, { sentAt, isReady: () => socket.readyState === WebSocket.OPEN });
