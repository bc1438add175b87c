// A download that pauses, goes on where it was, and is checked.
import { downloadChunks } from "../clients/file_download.js";
import { writeCode } from "../code.js";
import { Pace } from "../pace.js";
import { bytes, Panel, Rate } from "../panel.js";

export async function start(section) {
  const form = section.querySelector("form");
  const { file, pace, start: button } = form.elements;
  const progress = section.querySelector("progress");
  const save = section.querySelector(".save");
  let download;

  const listing = await (await fetch("files")).json();
  file.append(...listing.map(({ path, size }) => new Option(`${path} (${bytes(size)})`, path)));
  form.addEventListener("input", ({ target }) => target === file && begin());
  begin();

  function begin() {
    download = { cursor: {}, parts: [], rate: new Rate(), requests: 0 };
    button.textContent = "Download";
    save.hidden = true;
    writeCode(section, { url: urlOf(file.value), name: file.value.split("/").at(-1) });
  }

  const panel = new Panel(section, {
    async run({ signal, fetch, onState }) {
      if (download.computed) begin();
      button.textContent = "Go on";
      const { cursor, parts, rate } = download;
      const reader = new Pace(Number(pace.value));
      const watch = (state) => {
        if (state.state === "open") download.requests += 1;
        onState(state);
      };
      const options = { cursor, signal, fetch, onState: watch };
      for await (const chunk of downloadChunks(urlOf(file.value), options)) {
        parts.push(chunk);
        rate.add(chunk.length);
        await reader.take(chunk.length, signal);
      }
      const blob = new Blob(parts);
      download.computed = await sha256(blob);
      if (cursor.digest && crypto.subtle && download.computed !== cursor.digest) {
        throw new Error("What came is not the file: the digests differ.");
      }
      offer(save, blob, file.value);
      button.textContent = "Download again";
    },
    update() {
      const { cursor, rate, requests, computed } = download;
      const { have = 0, total, etag = "–", digest = "–" } = cursor;
      progress.value = total ? have / total : 0;
      panel.show({
        have: bytes(have),
        total: total === undefined ? "–" : bytes(total),
        rate: bytes(rate.perSecond),
        requests,
        etag,
        digest,
        computed: computed ? `${computed} ${computed === digest ? "✓ the same" : ""}` : "–",
      });
    },
  });
}

function urlOf(path) {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return new URL(`files/${encoded}`, document.baseURI).href;
}

/** In base64, as `Repr-Digest` has it (RFC 9530). */
async function sha256(blob) {
  if (!crypto.subtle) return "not computed: browsers do so only over https and on localhost";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return btoa(String.fromCharCode(...digest));
}

function offer(link, blob, path) {
  URL.revokeObjectURL(link.href);
  link.href = URL.createObjectURL(blob);
  link.download = path.split("/").at(-1);
  link.hidden = false;
}
