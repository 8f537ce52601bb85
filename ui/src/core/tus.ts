// Files go to the host in pieces, so that what breaks off goes on where it was: tus 1.0, as docs/api.md has it.
import type { Schemas } from "../api/client.js";

const piece = 4 << 20; // bytes
const pauses = [500, 1000, 2000, 4000, 8000]; // ms before what failed is tried again

export type Sent = Schemas["Upload"];

/** What sending needs of the world. */
export interface Door {
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  wait: (ms: number) => Promise<void>;
  /** Where an upload that broke off is. */
  places: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** refusal is the error that an answer of the host stands for. */
  refusal: (answer: Response) => Promise<Error>;
}

const tus = { "Tus-Resumable": "1.0.0" };
const base64 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const passes = (status: number): boolean => status >= 500 || status === 423 || status === 429; // may be otherwise in a while

/**
 * send stores a file at the host and gives what it became. `told` hears how many bytes are there; the signal ends it, and what was sent is
 * kept: the same file goes on there.
 */
export async function send(file: File, told: (bytes: number) => void, signal: AbortSignal, door: Door): Promise<Sent> {
  const key = `upload ${file.name} ${file.size} ${file.lastModified}`;
  let failures = 0;
  /** ask tries again what the network lost; undefined: the host has nothing there, or something else. */
  const ask = async (url: string, init: RequestInit): Promise<Response | undefined> => {
    for (;;) {
      const answer = await door.fetch(url, { ...init, headers: { ...tus, ...init.headers }, signal }).catch((e: unknown) => {
        if (signal.aborted || failures >= pauses.length) throw e;
        return undefined;
      });
      if (answer?.ok) return answer;
      if (answer?.status === 404 || answer?.status === 409) return undefined;
      if (answer !== undefined && (!passes(answer.status) || failures >= pauses.length)) throw await door.refusal(answer);
      await door.wait(pauses[failures++] ?? 0);
      if (init.method === "PATCH") return undefined; // it may have come through
    }
  };
  const begin = async (): Promise<string> => {
    const answer = await ask("/api/v1/uploads", {
      method: "POST",
      headers: { "Upload-Length": String(file.size), "Upload-Metadata": `filename ${base64(file.name)}${file.type === "" ? "" : `,filetype ${base64(file.type)}`}` },
    });
    const place = answer?.headers.get("Location") ?? "";
    if (place === "") throw new Error("POST /api/v1/uploads: the answer does not say where the upload is");
    door.places.setItem(key, place);
    return place;
  };
  let place = door.places.getItem(key) ?? (await begin());
  for (let lost = 0; ; ) {
    const there = await ask(place, { method: "GET" });
    if (there === undefined) {
      if (lost++ > 2) throw new Error(`${file.name}: the host forgets the upload as it comes; choose the file again`);
      place = await begin();
      continue;
    }
    const now = (await there.json()) as Sent;
    told(now.offset);
    if (now.artifact !== undefined) {
      door.places.removeItem(key);
      return now;
    }
    for (let at = now.offset; at < file.size; told(at)) {
      const answer = await ask(place, { method: "PATCH", headers: { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(at) }, body: file.slice(at, at + piece) });
      if (answer === undefined) break; // ask how far it is
      at = Number(answer.headers.get("Upload-Offset"));
      failures = 0;
    }
  }
}
