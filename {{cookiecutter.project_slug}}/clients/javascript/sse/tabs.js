// One event stream for all tabs of a browser, which over HTTP/1.1 has six connections to a service.
// One tab reads it and tells the others; when that tab is closed, another goes on behind the last
// event. Needs https, as all pages with locks do, or localhost.
import { readEvents } from "../sse.js";

/**
 * Calls `onEvent({ id, event, data })` in each tab that follows `url`, until `signal` aborts.
 *
 * @param {string | URL} url
 * @param {(event: { id: string, event: string, data: string }) => void} onEvent
 * @param {Parameters<typeof readEvents>[1]} [options] of the tab that reads
 */
export async function followInAllTabs(url, onEvent, { lastEventId = "", ...options } = {}) {
  const name = `events of ${url}`;
  const channel = new BroadcastChannel(name);
  const receive = (event) => {
    // The tab that takes over may have to read again what others have got already.
    if (!isBehind(event, lastEventId)) return;
    lastEventId = event.id;
    onEvent(event);
  };
  channel.onmessage = ({ data }) => receive(data);
  try {
    await navigator.locks.request(name, { signal: options.signal }, async () => {
      for await (const event of readEvents(url, { lastEventId, ...options })) {
        channel.postMessage(event);
        receive(event);
      }
    });
  } finally {
    channel.close();
  }
}

function isBehind({ id, event }, lastEventId) {
  const [epoch, number] = id.split("-");
  const [lastEpoch, lastNumber] = lastEventId.split("-");
  return event === "gap" || epoch !== lastEpoch || Number(number) > Number(lastNumber);
}
