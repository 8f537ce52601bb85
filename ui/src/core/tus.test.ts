import { expect, test } from "vitest";
import { send, type Door } from "./tus.js";

const MiB = 1 << 20;

/** A host that keeps uploads in memory, and does to a request what `fate` says. */
function host(fate: (n: number, method: string) => "lose" | "take and lose" | number | undefined = () => undefined) {
  const uploads = new Map<string, { size: number; got: Blob[]; have: number; meta: string }>();
  const places = new Map<string, string>();
  const asked: string[] = [];
  const door: Door = {
    wait: () => Promise.resolve(),
    places: { getItem: (k) => places.get(k) ?? null, setItem: (k, v) => void places.set(k, v), removeItem: (k) => void places.delete(k) },
    refusal: (answer) => Promise.resolve(new Error(`refused: ${answer.status}`)),
    async fetch(url, init) {
      init.signal?.throwIfAborted();
      const method = init.method ?? "GET";
      const does = fate(asked.push(method), method);
      if (does === "lose") throw new TypeError("network");
      if (typeof does === "number") return new Response("", { status: does });
      const answer = handle(url, method, new Headers(init.headers), init.body as Blob);
      if (does === "take and lose") throw new TypeError("network");
      return answer;
    },
  };
  const handle = (url: string, method: string, headers: Headers, body: Blob): Response => {
    expect(headers.get("Tus-Resumable")).toBe("1.0.0");
    if (method === "POST") {
      const place = `/api/v1/uploads/${uploads.size}`;
      uploads.set(place, { size: Number(headers.get("Upload-Length")), got: [], have: 0, meta: headers.get("Upload-Metadata") ?? "" });
      return new Response("{}", { status: 201, headers: { Location: place } });
    }
    const up = uploads.get(url);
    if (up === undefined) return new Response("", { status: 404 });
    if (method === "GET") return Response.json({ offset: up.have, size: up.size, ...(up.have === up.size ? { artifact: { $artifact: "sha256:1" } } : {}) });
    if (Number(headers.get("Upload-Offset")) !== up.have) return new Response("", { status: 409 });
    up.got.push(body);
    up.have += body.size;
    return new Response(null, { status: 204, headers: { "Upload-Offset": String(up.have) } });
  };
  return { door, uploads, asked, places };
}

const file = new File([new Uint8Array(9 * MiB).map((_, i) => i % 251)], "Ä.png", { type: "image/png", lastModified: 7 });
const bytes = async (parts: Blob[]): Promise<Buffer> => Buffer.from(await new Blob(parts).arrayBuffer());

test.each([
  ["nothing is lost", () => undefined, 1],
  ["answers are lost", (n: number, m: string) => (m === "PATCH" && n % 3 === 0 ? "take and lose" : undefined), 1],
  ["requests are lost", (n: number) => (n % 3 === 0 ? "lose" : undefined), 1],
  ["the host is busy for a while", (n: number) => (n > 2 && n < 7 ? 503 : undefined), 1],
] as const)("a file arrives whole when %s", async (_, fate, uploads) => {
  const h = host(fate);
  const told: number[] = [];
  const sent = await send(file, (n) => told.push(n), new AbortController().signal, h.door);
  expect(sent.artifact).toEqual({ $artifact: "sha256:1" });
  expect(h.uploads.size).toBe(uploads);
  const up = h.uploads.get("/api/v1/uploads/0");
  expect((await bytes(up?.got ?? [])).equals(await bytes([file]))).toBe(true);
  expect(told.at(-1)).toBe(file.size);
  expect([...told].sort((a, b) => a - b)).toEqual(told);
  expect(up?.meta).toBe("filename w4QucG5n,filetype aW1hZ2UvcG5n");
  expect(h.places.size).toBe(0);
});

test("an empty file arrives too", async () => {
  const h = host();
  expect((await send(new File([], "empty.txt"), () => undefined, new AbortController().signal, h.door)).artifact).toBeDefined();
});

test("the same file goes on where it was, and begins anew when the host has forgotten it", async () => {
  const h = host();
  const stop = new AbortController();
  await expect(send(file, (n) => n > 0 && stop.abort(new Error("enough")), stop.signal, h.door)).rejects.toThrow("enough");
  const again = new AbortController().signal;
  await send(file, () => undefined, again, h.door);
  expect(h.uploads.get("/api/v1/uploads/0")?.got.length).toBe(3); // no piece went twice
  h.places.set(`upload Ä.png ${file.size} 7`, "/api/v1/uploads/gone");
  await send(file, () => undefined, again, h.door);
  expect(h.uploads.size).toBe(2);
});

test("what the host refuses is not tried again, and what is lost for good ends", async () => {
  const h = host((_, m) => (m === "POST" ? 413 : undefined));
  const signal = new AbortController().signal;
  await expect(send(file, () => undefined, signal, h.door)).rejects.toThrow("refused: 413");
  expect(h.asked).toEqual(["POST"]);
  const away = host(() => "lose");
  await expect(send(file, () => undefined, signal, away.door)).rejects.toThrow("network");
  expect(away.asked.length).toBe(6);
  const busy = host((_, m) => (m === "PATCH" ? 503 : undefined)); // each question how far it is succeeds
  await expect(send(file, () => undefined, signal, busy.door)).rejects.toThrow("refused: 503");
});
