// What the sections share: a request that is started, stopped and broken, and what is seen of it.
const UPDATE_MILLISECONDS = 250;
const LOG_LINES = 50;
const STATES = {
  connecting: "Connecting …",
  open: "Connected",
  broken: "Broken",
  waiting: "Waiting to connect again",
  complete: "Complete",
  stopped: "Stopped",
  failed: "Failed",
};

/**
 * The live part of a section, with the buttons `start`, `stop` and `break` of its form.
 *
 * `run({ signal, fetch, onState })` is what `start` begins: all its requests go through this
 * `fetch`, so that they can be broken, and `signal` aborts when it is to stop. `update()` is called
 * some times a second while it runs, and in the end.
 */
export class Panel {
  constructor(section, { run, update = () => {} }) {
    this.form = section.querySelector("form");
    this.badge = section.querySelector("[role=status]");
    this.log = section.querySelector("[role=log]");
    this.figures = section.querySelectorAll("[data-figure]");
    Object.assign(this, { run, update, cut: new AbortController() });
    const { start, stop, break: cut } = this.form.elements;
    this.buttons = { start, stop, cut };
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.start();
    });
    stop.addEventListener("click", () => this.stopping.abort());
    cut.addEventListener("click", () => this.breakConnections());
  }

  async start() {
    const { signal } = (this.stopping = new AbortController());
    this.brokenAt = undefined;
    this.become("connecting");
    this.setRunning(true);
    const timer = setInterval(this.update, UPDATE_MILLISECONDS);
    try {
      const running = this.run({ signal, fetch: this.fetch, onState: this.onState });
      this.update(); // away with the figures of the last time
      await running;
      this.update();
      this.become("complete");
    } catch (error) {
      this.update();
      if (signal.aborted) this.become("stopped");
      else this.become("failed", reasonOf(error));
    } finally {
      this.stopping.abort(); // whatever the run has left open
      clearInterval(timer);
      this.setRunning(false);
    }
  }

  /** The browser's `fetch`, but for the button that ends it from outside, as a network would. */
  fetch = (url, { signal, ...options } = {}) => {
    const signals = [this.cut.signal, ...(signal ? [signal] : [])];
    return fetch(url, { ...options, signal: AbortSignal.any(signals) });
  };

  breakConnections() {
    this.brokenAt = Date.now();
    this.become("broken", "by the button");
    this.cut.abort(new TypeError("The connection was broken."));
    this.cut = new AbortController();
  }

  /** What the client examples tell of their connections; of many that follow each other, little. */
  onState = ({ state, response, milliseconds, error }) => {
    if (state === "waiting") {
      this.brokenAt ??= Date.now();
      this.become("waiting", `${reasonOf(error)} Next try in ${duration(milliseconds)}.`);
    } else if (state === "open" && this.badge.dataset.state !== "open") {
      const { pathname, search } = new URL(response.url);
      const pause = duration(Date.now() - this.brokenAt);
      const after = this.brokenAt ? `, ${pause} after the break` : "";
      this.brokenAt = undefined;
      this.become("open", `${response.status} from ${pathname}${search}${after}`);
    } else if (state === "connecting" && this.badge.dataset.state !== "open") {
      this.become("connecting");
    }
  };

  become(state, detail = "") {
    this.badge.dataset.state = state;
    this.badge.textContent = STATES[state];
    if (state === "connecting") return;
    this.tell([STATES[state], detail].filter(Boolean).join(": "), state);
  }

  /** Adds a line to the log. */
  tell(text, state = "") {
    const line = document.createElement("li");
    const time = document.createElement("time");
    time.textContent = new Date().toLocaleTimeString("en-GB");
    line.dataset.state = state;
    line.append(time, text);
    this.log.prepend(line);
    while (this.log.children.length > LOG_LINES) this.log.lastChild.remove();
  }

  /** Shows texts as the section's figures of these names. */
  show(texts) {
    for (const figure of this.figures) {
      const text = texts[figure.dataset.figure];
      if (text !== undefined) figure.textContent = text;
    }
  }

  setRunning(isRunning) {
    const { start, stop, cut } = this.buttons;
    const focused = document.activeElement;
    start.disabled = isRunning;
    stop.disabled = cut.disabled = !isRunning;
    // A button that is disabled loses the focus.
    const isLost = [start, stop, cut].includes(focused) && focused.disabled;
    if (isLost) (isRunning ? stop : start).focus();
  }
}

/** How many came in each of the last seconds. */
export class Rate {
  constructor(overSeconds = 5) {
    this.span = overSeconds * 1000;
    this.begun = Date.now();
    this.counts = [];
  }

  add(count = 1) {
    this.counts.push([Date.now(), count]);
  }

  get perSecond() {
    const now = Date.now();
    while (this.counts[0]?.[0] < now - this.span) this.counts.shift();
    const total = this.counts.reduce((sum, [, count]) => sum + count, 0);
    return (1000 * total) / Math.max(Math.min(this.span, now - this.begun), 1);
  }
}

/** The text of an error; a refusal of the service is an RFC 9457 problem. */
export function reasonOf(error) {
  try {
    const { title, detail, errors = [] } = JSON.parse(error.message);
    const fields = errors.map((each) => `${each.location}: ${each.detail}`);
    return [title, detail, ...fields].filter(Boolean).join(" – ");
  } catch {
    return error.message;
  }
}

/** Lets the reader choose among what the service's own document has below a path. */
export function offerSources(select, paths, prefix) {
  const own = Object.keys(paths).filter((path) => path.startsWith(prefix) && !path.includes("{"));
  const names = own.map((path) => decodeURIComponent(path.slice(prefix.length)));
  select.append(...names.map((name) => new Option(name)));
}

export function showRow(body, cells, kind = "td") {
  const row = body.insertRow();
  for (const content of cells) {
    const cell = document.createElement(kind);
    if (kind === "th") cell.scope = "col";
    cell.append(content);
    row.append(cell);
  }
}

export const count = (number) => number.toLocaleString("en", { maximumFractionDigits: 0 });

export function duration(milliseconds) {
  if (milliseconds === undefined) return "–";
  if (Math.abs(milliseconds) < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

export function bytes(number) {
  const exponent = Math.min(Math.floor(Math.log2(Math.max(number, 1)) / 10), 3);
  const unit = ["B", "KiB", "MiB", "GiB"][exponent];
  return `${(number / 1024 ** exponent).toFixed(exponent ? 1 : 0)} ${unit}`;
}
