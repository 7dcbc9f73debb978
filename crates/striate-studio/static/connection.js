// Talking to Striate: requests that change something, and sockets that come back by themselves.

const token = document.querySelector("meta[name=striate-token]").content;
const banner = document.getElementById("connection");

function say(text) {
  banner.textContent = text;
  banner.hidden = text === "";
}

/** POSTs JSON; resolves to the answer's JSON, or throws an Error whose message is for the reader. */
export async function post(address, body = {}) {
  let response;
  try {
    response = await fetch(address, {
      method: "POST",
      headers: { "content-type": "application/json", "x-striate-token": token },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("Striate is not running. Start it again with: striate");
  }
  const text = await response.text();
  if (!response.ok) throw new Error(text.trim() || `Striate answered ${response.status}`);
  return text === "" ? null : JSON.parse(text);
}

/**
 * A socket to `path`. `onMessage` gets each parsed message, `onOpen` runs at every (re)connection.
 * Returns `send(message)`, which is false while there is no connection.
 */
export function connect(path, { onMessage, onOpen = () => {} }) {
  let socket = null;
  let failures = 0;
  const open = () => {
    socket = new WebSocket(`ws://${location.host}${path}`, ["striate", token]);
    socket.addEventListener("open", () => {
      failures = 0;
      say("");
      onOpen();
    });
    socket.addEventListener("message", (event) => onMessage(JSON.parse(event.data)));
    socket.addEventListener("close", () => {
      failures += 1;
      if (failures > 1) say("The connection to Striate is lost. If you stopped it, start it again with “striate” and reload this page.");
      setTimeout(open, Math.min(500 * failures, 5000));
    });
  };
  open();
  addEventListener("pagehide", () => {
    failures = -1e9;
    socket.close();
  });
  return (message) => {
    if (socket.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  };
}
