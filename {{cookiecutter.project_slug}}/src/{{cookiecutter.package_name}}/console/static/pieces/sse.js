// Live events: drawn, measured, published.
import { readEvents } from "../clients/sse.js";
import { writeCode } from "../code.js";
import { count, duration, Panel, Rate, reasonOf } from "../panel.js";
import { Plot } from "../plot.js";

const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/;
const GAP = "gap";

export function start(section, paths) {
  const subscribe = section.querySelector("form");
  const field = section.querySelector("[name=field]");
  const plot = new Plot(section.querySelector("canvas"));
  let seen;
  let rate;

  subscribe.elements.topics.value = `${topicOf(paths)} console`;
  subscribe.addEventListener("input", () => writeCode(section, { url: urlOf(subscribe) }));
  writeCode(section, { url: urlOf(subscribe) });
  field.addEventListener("change", () => plot.clear());

  const panel = new Panel(section, {
    async run({ signal, fetch, onState }) {
      seen = { events: 0, gaps: 0, reconnects: 0, lag: undefined, id: "–", latest: "–" };
      rate = new Rate();
      plot.clear();
      const options = { signal, fetch, onState: (state) => onState(watch(state)) };
      for await (const event of readEvents(urlOf(subscribe), options)) take(event);
    },
    update() {
      const { events, gaps, reconnects, lag, id, latest } = seen;
      panel.show({
        events: count(events),
        rate: rate.perSecond.toFixed(1),
        lag: duration(lag),
        ...{ gaps, reconnects, id, latest },
      });
    },
  });

  function watch(state) {
    if (state.state === "waiting") {
      seen.reconnects += 1;
      plot.mark(Date.now());
    }
    return state;
  }

  function take({ id, event, data }) {
    seen.id = id;
    seen.events += 1;
    seen.latest = data;
    rate.add();
    if (event === GAP || event.endsWith(`/${GAP}`)) {
      seen.gaps += 1;
      plot.add(Date.now(), NaN);
      panel.tell(`Gap: ${data}`, "failed");
      return;
    }
    const value = JSON.parse(data);
    const members = Object.entries(value && typeof value === "object" ? value : { data: value });
    const time = timeIn(members);
    if (time !== undefined) seen.lag = Date.now() - time;
    offerNumbers(field, members);
    const number = Object.fromEntries(members)[field.value];
    if (typeof number === "number") plot.add(time ?? Date.now(), number);
    else panel.tell(`${event}: ${data}`);
  }

  // What moves by itself can be stopped, and does not where a reader wants nothing to move.
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) panel.start();

  const publish = section.querySelector(".publish");
  publish.addEventListener("submit", async (submission) => {
    submission.preventDefault();
    panel.tell(await send(publish.elements).catch(reasonOf));
  });
}

/** The topic that the service's own document gives as an example. */
function topicOf(paths) {
  const parameters = paths["/events/{topic}"].get.parameters;
  return parameters.find(({ name }) => name === "topic").schema.examples[0];
}

function urlOf({ elements }) {
  const topics = elements.topics.value.trim().split(/\s+/);
  const url = new URL("events", document.baseURI);
  if (topics.length === 1) url.pathname += `/${encodeURIComponent(topics[0])}`;
  else for (const topic of topics) url.searchParams.append("topic", topic);
  if (elements.from.value !== "now") url.searchParams.set("from", elements.from.value);
  return url.href;
}

function timeIn(members) {
  const [, text] = members.find(([, value]) => typeof value === "string" && TIME.test(value)) ?? [];
  return text && Date.parse(text);
}

/** Lets the reader choose among the numbers of the first event that has some. */
function offerNumbers(field, members) {
  const names = members.filter(([, value]) => typeof value === "number").map(([name]) => name);
  if (!field.disabled || !names.length) return;
  field.append(...names.map((name) => new Option(name)));
  field.value = names.find((name) => name !== "id") ?? names[0];
  field.disabled = false;
}

async function send({ topic, data, token }) {
  const headers = { "Content-Type": "application/json" };
  if (token.value) headers.Authorization = `Bearer ${token.value}`;
  const url = new URL(`events/${encodeURIComponent(topic.value)}`, document.baseURI);
  const response = await fetch(url, { method: "POST", headers, body: data.value });
  if (!response.ok) throw new Error(await response.text());
  return `Published to ${topic.value}: ${(await response.json()).id}`;
}
