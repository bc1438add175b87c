// Download to disk in a browser: by the browser itself, or to a file that a page can go on with.
import { Changed, downloadChunks } from "../file_download.js";

/**
 * Downloads to a file and goes on with what an earlier call has left in it, where the version is
 * still the same: its ETag is kept in `localStorage`. Throws when the SHA-256 that the server says
 * is not that of the file; then the file is empty. It is read into memory for that.
 *
 * @param {FileSystemFileHandle} handle
 * @param {string | URL} url
 * @param {import("../streaming/connection.js").ConnectionOptions
 *   & { onProgress?: (cursor: import("../file_download.js").Cursor) => void }} [options]
 * @returns {Promise<File>}
 */
export async function saveTo(handle, url, { onProgress = () => {}, ...options } = {}) {
  const key = `download ${handle.name} ${url}`;
  const etag = localStorage.getItem(key);
  const have = etag ? (await handle.getFile()).size : 0;
  const cursor = have ? { have, etag } : {};
  try {
    await append(handle, url, key, cursor, onProgress, options);
  } catch (error) {
    if (!(error instanceof Changed)) throw error;
    localStorage.removeItem(key);
    return saveTo(handle, url, { onProgress, ...options });
  }
  localStorage.removeItem(key);
  const file = await handle.getFile();
  if (cursor.digest && cursor.digest !== (await sha256(file))) {
    await (await handle.createWritable()).close(); // empties it
    throw new Error("The SHA-256 of what has come is not that of the file.");
  }
  return file;
}

async function append(handle, url, key, cursor, onProgress, options) {
  const out = await handle.createWritable({ keepExistingData: Boolean(cursor.have) });
  try {
    await out.seek(cursor.have ?? 0);
    for await (const chunk of downloadChunks(url, { cursor, ...options })) {
      await out.write(chunk);
      onProgress(cursor);
    }
  } finally {
    await out.close(); // only now is there what was written
    if (cursor.etag?.startsWith('"')) localStorage.setItem(key, cursor.etag);
  }
}

async function sha256(file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}

/** Leaves the download to the browser. A URL of another origin is opened in place of the page. */
export function saveByBrowser(url, name = "") {
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
}
