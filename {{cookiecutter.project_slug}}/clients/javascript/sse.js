// Follow server-sent events with `fetch`, in browsers and in Node: reconnects by itself and resumes
// after the last event. A browser's own EventSource does as much; this one can send headers and be
// stopped by a signal.
const USAGE = "Usage: node clients/javascript/sse.js [URL]";

/** Yields `{ id, event, data }` without an end, from behind `lastEventId` on. */
export async function* readEvents(url, { lastEventId = "", signal } = {}) {
  for (let retryMilliseconds = 1000; ; ) {
    try {
      const headers = lastEventId ? { "Last-Event-ID": lastEventId } : {};
      const response = await fetch(url, { headers, signal, cache: "no-store" });
      if (!response.ok) {
        throw Object.assign(new Error(await response.text()), { refused: response.status < 500 });
      }
      if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
        throw Object.assign(new Error("The answer is no event stream."), { refused: true });
      }
      for await (const event of parseEvents(response.body)) {
        retryMilliseconds = event.retry ?? retryMilliseconds;
        lastEventId = event.id ?? lastEventId;
        if (event.data !== undefined) yield { id: lastEventId, event: event.event ?? "message", data: event.data };
      }
    } catch (error) {
      if (error.refused || signal?.aborted) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, retryMilliseconds));
  }
}

/** The event stream format (WHATWG HTML, section 9.2.6): yields the fields of each block. */
async function* parseEvents(body) {
  let fields = {};
  for await (const line of lines(body)) {
    if (line === "") {
      yield fields;
      fields = {};
      continue;
    }
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
    if (name === "data") fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
    else if (name === "event" && value) fields.event = value;
    else if (name === "id" && !value.includes("\0")) fields.id = value;
    else if (name === "retry" && /^\d+$/.test(value)) fields.retry = Number(value);
  }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      // A carriage return at the end of a chunk may be half of a CRLF: it waits for the next one.
      const parts = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = parts.pop();
      yield* parts;
    }
  } finally {
    // Without this, a reader that stops early would leave the request open.
    await reader.cancel().catch(() => {});
  }
}

async function main() {
  const { parseArgs } = await import("node:util");
  const options = { help: { type: "boolean", short: "h" } };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return console.log(USAGE);
  // A reader such as `head` has enough: that is no error of ours.
  process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 141 : 1));
  const [url = "http://127.0.0.1:8000/events/readings"] = positionals;
  for await (const { id, event, data } of readEvents(url)) console.log(id, event, data);
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
