// Follow server-sent events with `fetch`, in browsers and in Node: reconnects by itself and resumes
// after the last event. Unlike a browser's own EventSource it can send headers, is stopped by a
// signal, notices a connection that went quiet, and says why the server refuses it.
const USAGE = "Usage: node clients/javascript/sse.js [--stall-seconds N] [URL]";

// The server sends a comment every 15 seconds: three that are missing mean a dead connection.
const STALL_MILLISECONDS = 45_000;
const LONGEST_BACKOFF_MILLISECONDS = 60_000;
// Not text/event-stream alone: a browser's EventSource, which does so, is never refused.
const ACCEPT = "text/event-stream, application/problem+json";
const WORTH_RETRYING = [408, 425, 429];

/**
 * Yields `{ id, event, data }` without an end, from behind `lastEventId` on.
 *
 * Throws when the server refuses the request or its answer is no event stream. After all else it
 * connects again: after the server's own time, twice as long after each further failure, and always
 * a little later than all others do. `onReconnect(milliseconds, error)` is told of it.
 */
export async function* readEvents(url, options = {}) {
  let { lastEventId = "" } = options;
  const { signal, stallMilliseconds = STALL_MILLISECONDS, onReconnect = () => {} } = options;
  let retryMilliseconds = 1000;
  for (let failures = 0; ; failures++) {
    let reason = new Error("The stream has ended.");
    const stall = watchForStall(stallMilliseconds);
    try {
      const headers = { Accept: ACCEPT, ...(lastEventId && { "Last-Event-ID": lastEventId }) };
      const either = AbortSignal.any([stall.signal, ...(signal ? [signal] : [])]);
      const response = await fetch(url, { headers, signal: either, cache: "no-store" });
      await check(response);
      for await (const fields of parseEvents(response.body, stall.restart)) {
        failures = 0;
        retryMilliseconds = Number(fields.retry ?? retryMilliseconds);
        lastEventId = fields.id ?? lastEventId;
        const { event, data } = fields;
        stall.stop(); // a reader may take its time
        if (data !== undefined) yield { id: lastEventId, event: event || "message", data };
        stall.restart();
      }
    } catch (error) {
      if (error.refused || signal?.aborted) throw error;
      reason = error;
    } finally {
      stall.stop();
    }
    const longest = Math.max(retryMilliseconds, LONGEST_BACKOFF_MILLISECONDS);
    const backoff = Math.min(retryMilliseconds * 2 ** failures, longest);
    const wait = Math.max(backoff, reason.retryAfterMilliseconds ?? 0) * (1 + Math.random() / 2);
    onReconnect(wait, reason);
    await pause(wait, signal);
  }
}

async function check(response) {
  const { status, headers } = response;
  if (status >= 500 || WORTH_RETRYING.includes(status)) {
    await response.body?.cancel();
    const retryAfterMilliseconds = 1000 * (/^\d{1,6}$/.exec(headers.get("Retry-After")) ?? 0);
    throw Object.assign(new Error(`The server answers ${status}.`), { retryAfterMilliseconds });
  }
  if (!response.ok) throw Object.assign(new Error(await response.text()), { refused: true });
  const type = headers.get("Content-Type") ?? "nothing";
  if (type.split(";")[0].trim().toLowerCase() !== "text/event-stream") {
    await response.body?.cancel();
    throw Object.assign(new Error(`The answer is no event stream, but ${type}.`), { refused: true });
  }
}

/** The event stream format (WHATWG HTML, section 9.2.6): yields the fields of each block. */
export async function* parseEvents(body, onChunk = () => {}) {
  let fields = {};
  for await (const line of lines(body, onChunk)) {
    if (line === "") {
      yield fields;
      fields = {};
      continue;
    }
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
    if (name === "data") fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
    else if (name === "event") fields.event = value;
    else if (name === "id" && !value.includes("\0")) fields.id = value;
    else if (name === "retry" && /^[0-9]{1,9}$/.test(value)) fields.retry = value;
  }
}

/** The lines that have ended, each as soon as it has. Only CR, LF and CRLF end one. */
async function* lines(body, onChunk) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let rest = "";
    let followsCr = false;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onChunk();
      if (value === "") continue;
      // The line feed of a CRLF that was cut in two ends nothing.
      const text = followsCr && value.startsWith("\n") ? value.slice(1) : value;
      followsCr = value.endsWith("\r");
      const parts = (rest + text).split(/\r\n|\n|\r/);
      rest = parts.pop();
      yield* parts;
    }
  } finally {
    // Without this, a reader that stops early would leave the request open.
    await reader.cancel().catch(() => {});
  }
}

/** A signal that aborts once nothing has called `restart` for so long. */
function watchForStall(milliseconds) {
  const controller = new AbortController();
  let timer;
  const abort = () => controller.abort(new Error(`Nothing has come for ${milliseconds / 1000} s.`));
  const stop = () => clearTimeout(timer);
  const restart = () => {
    stop();
    timer = setTimeout(abort, milliseconds);
  };
  restart();
  return { signal: controller.signal, restart, stop };
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, milliseconds);
    const abort = () => done(signal.reason);
    signal?.addEventListener("abort", abort);
    function done(error) {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      error === undefined ? resolve() : reject(error);
    }
  });
}

async function main() {
  const { parseArgs } = await import("node:util");
  const options = { help: { type: "boolean", short: "h" }, "stall-seconds": { type: "string" } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(USAGE);
  // A reader such as `head` has enough: that is no error of ours.
  process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 141 : 1));
  const [url = "http://127.0.0.1:8000/events/readings"] = positionals;
  const stallMilliseconds = 1000 * (values["stall-seconds"] ?? STALL_MILLISECONDS / 1000);
  const onReconnect = (milliseconds, error) => {
    const seconds = (milliseconds / 1000).toFixed(1);
    console.error(`Reconnecting in ${seconds} s: ${error.cause ?? error.message}`);
  };
  const events = readEvents(url, { stallMilliseconds, onReconnect });
  for await (const { id, event, data } of events) console.log(id, event, data);
}

async function isProgram() {
  const { realpathSync } = await import("node:fs");
  const { pathToFileURL } = await import("node:url");
  return import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href;
}

const isMain = globalThis.process?.argv[1] && (await isProgram());
if (isMain) {
  main().catch((error) => {
    console.error(String(error.cause ?? error));
    process.exitCode = 1;
  });
}
