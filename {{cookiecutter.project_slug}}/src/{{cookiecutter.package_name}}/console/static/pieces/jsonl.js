// Records as they arrive, at the pace of their reader.
import { readBatches, stringify } from "../clients/jsonl.js";
import { writeCode } from "../code.js";
import { Pace } from "../pace.js";
import { count, duration, offerSources, Panel, Rate, showRow } from "../panel.js";
import { Plot } from "../plot.js";

const ROWS = 5;

export function start(section, paths) {
  const { elements: form } = section.querySelector("form");
  const table = section.querySelector(".rows");
  const plot = new Plot(section.querySelector("canvas"), { seconds: 30, values: [0] });
  let seen;

  offerSources(form.source, paths, "/records/");
  const describe = () => writeCode(section, { url: urlOf(form) });
  section.querySelector("form").addEventListener("input", describe);
  describe();

  const panel = new Panel(section, {
    async run({ signal, fetch, onState }) {
      seen = { cursor: {}, rate: new Rate(2), begun: Date.now(), reconnects: 0, rows: [] };
      plot.clear();
      const pace = new Pace(Number(form.pace.value));
      const watch = (state) => {
        if (state.state === "waiting") {
          seen.reconnects += 1;
          plot.mark(Date.now());
        }
        onState(state);
      };
      const options = { cursor: seen.cursor, signal, fetch, onState: watch };
      for await (const records of readBatches(urlOf(form), options)) {
        seen.first ??= Date.now() - seen.begun;
        seen.rate.add(records.length);
        seen.rows = [...seen.rows, ...records.slice(-ROWS)].slice(-ROWS);
        await pace.take(records.length, signal);
      }
    },
    update() {
      const { cursor, rate, begun, first, reconnects, rows } = seen;
      const time = Date.now() - begun;
      plot.add(Date.now(), rate.perSecond);
      panel.show({
        records: count(cursor.received ?? 0),
        rate: count((1000 * (cursor.received ?? 0)) / Math.max(time, 1)),
        first: duration(first),
        time: duration(time),
        reconnects,
        cursor: cursor.after ?? "–",
      });
      showRows(table, rows);
    },
  });
}

function urlOf({ source, limit, follow }) {
  const url = new URL(`records/${encodeURIComponent(source.value)}`, document.baseURI);
  if (limit.value) url.searchParams.set("limit", limit.value);
  if (follow.checked) url.searchParams.set("follow", "true");
  return url.href;
}

function showRows(rows, records) {
  if (!records.length) return;
  const names = Object.keys(records[0]);
  const write = (value) => (typeof value === "string" ? value : stringify(value ?? null));
  rows.hidden = false;
  const [head, body] = [rows.querySelector("thead"), rows.querySelector("tbody")];
  head.replaceChildren();
  body.replaceChildren();
  showRow(head, names, "th");
  for (const record of records) showRow(body, names.map((name) => write(record[name])));
}
