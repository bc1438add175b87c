// Read records as JSON Lines, in browsers and in Node: resumes after a break, and refuses a stream
// without its end.   node clients/javascript/jsonl.js [URL]

const RETRIES = 5;

export class TruncatedStream extends Error {}

/**
 * Yields each record once, in the order of `key`; `?limit=` in `url` is kept to. After a break the
 * next request goes on behind the last record.
 */
export async function* readRecords(url, { key = "id", signal } = {}) {
  const target = new URL(url);
  const query = target.searchParams;
  query.set("end", "true");
  for (let failures = 0; failures === 0 || query.get("limit") !== "0"; ) {
    try {
      for await (const record of readOnce(target, signal)) {
        query.set("after", record[key]);
        if (query.has("limit")) query.set("limit", query.get("limit") - 1);
        failures = 0;
        yield record;
      }
      return;
    } catch (error) {
      if (error.refused || signal?.aborted || ++failures > RETRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2 ** failures * 100));
    }
  }
}

async function* readOnce(url, signal) {
  const response = await fetch(url, { headers: { Accept: "application/jsonl" }, signal });
  if (!response.ok) {
    throw Object.assign(new Error(await response.text()), { refused: response.status < 500 });
  }
  for await (const line of lines(response.body)) {
    const record = JSON.parse(line);
    if ("@end" in record) {
      if (record["@end"].status === "complete") return;
      throw new TruncatedStream(JSON.stringify(record["@end"]));
    }
    yield record;
  }
  throw new TruncatedStream("The stream has ended without an end record.");
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      yield* parts;
    }
  } finally {
    // Without this, a reader that stops early would leave the request open.
    await reader.cancel().catch(() => {});
  }
}

const isMain = globalThis.process?.argv[1] && import.meta.url.endsWith(encodeURI(process.argv[1]));
if (isMain) {
  try {
    const url = process.argv[2] ?? "http://127.0.0.1:8000/records/readings";
    for await (const record of readRecords(url)) console.log(JSON.stringify(record));
  } catch (error) {
    console.error(String(error.cause ?? error));
    process.exitCode = 1;
  }
}
