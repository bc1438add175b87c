// An export as a job: its progress, and its segments, each checked.
import { readSegment, removeJob, startJob, waitForSegments } from "../clients/batch_export/job.js";
import { writeCode } from "../code.js";
import { bytes, count, duration, offerSources, Panel, showRow } from "../panel.js";

export function start(section, paths) {
  const form = section.querySelector("form");
  const { source, format } = form.elements;
  const progress = section.querySelector("progress");
  const rows = section.querySelector(".rows");

  offerSources(source, paths, "/exports/");
  form.addEventListener("input", describe);
  describe();

  function describe() {
    const name = `${source.value}.${format.value}`;
    const body = JSON.stringify({ source: source.value, format: format.value });
    const jobs = new URL("exports", document.baseURI).href;
    writeCode(section, { url: urlOf(source.value), format: format.value, name, body, jobs });
  }

  const panel = new Panel(section, {
    async run({ signal, ...connection }) {
      rows.hidden = true;
      rows.querySelector("tbody").replaceChildren();
      panel.show({ rows: "–", bytes: "–", left: "–", checked: "–", job: "–" });
      progress.removeAttribute("value"); // of a job whose rows are not counted yet
      const options = { signal, ...connection };
      const job = await startJob(urlOf(source.value), { format: format.value, ...options });
      panel.show({ job: new URL(job).pathname });
      try {
        const segments = await waitForSegments(job, { onProgress: showProgress, ...options });
        await check(segments, options);
      } catch (error) {
        progress.value = 0;
        await removeJob(job).catch(() => {}); // a job that failed may be gone
        throw error;
      }
    },
  });

  function showProgress(made) {
    if (made.percent !== null) progress.value = made.percent;
    const left = made.seconds_left === null ? "–" : duration(1000 * made.seconds_left);
    panel.show({ rows: count(made.rows), bytes: bytes(made.bytes), left });
  }

  async function check(segments, options) {
    const sum = (name) => segments.reduce((total, segment) => total + segment[name], 0);
    showProgress({ rows: sum("rows"), bytes: sum("bytes"), percent: 100, seconds_left: 0 });
    rows.hidden = false;
    for (const [index, segment] of segments.entries()) {
      const content = await readSegment(segment, options);
      const name = `${source.value}-${index + 1}.${format.value}`;
      const figures = [count(segment.rows), bytes(segment.bytes), "✓", segment.sha256];
      showRow(rows.querySelector("tbody"), [linkTo(name, content), ...figures]);
      panel.show({ checked: `${index + 1} of ${segments.length}` });
    }
  }
}

function urlOf(source) {
  return new URL(`exports/${encodeURIComponent(source)}`, document.baseURI).href;
}

function linkTo(name, content) {
  const link = document.createElement("a");
  const href = URL.createObjectURL(new Blob([content]));
  Object.assign(link, { download: name, textContent: name, href });
  return link;
}
