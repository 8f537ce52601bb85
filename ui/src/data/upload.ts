// Files on their way to the host.
import { useIsMutating, useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { Problem } from "../api/client.js";
import { size } from "../core/format.js";
import { holds, refuses, type Variable } from "../core/launch.js";
import { send, type Door } from "../core/tus.js";
import { asArtifact, type Artifact } from "../core/values.js";
import { t } from "../strings.js";
import { ask, ProblemError } from "./host.js";

const door: Door = {
  fetch: (url, init) => fetch(url, init),
  wait: (ms) => new Promise((done) => setTimeout(done, ms)),
  places: localStorage,
  async refusal(response) {
    const error = (await response.json().catch(() => undefined)) as Problem | undefined;
    return ask<never>(Promise.resolve({ response, ...(error === undefined ? {} : { error }) })).catch((e: unknown) => e as Error);
  },
};

/** upload stores a file at the host. What breaks off goes on when the same file is sent again. */
export async function upload(file: File, told: (bytes: number) => void = () => undefined, signal = new AbortController().signal): Promise<Artifact> {
  const sent = await send(file, told, signal, door).catch((e: unknown) => {
    if (e instanceof TypeError) throw new ProblemError({ type: "about:blank", title: t.upload.broken(file.name), status: 0, code: "unavailable", fix: t.upload.brokenFix });
    throw e;
  });
  const artifact = asArtifact(sent.artifact);
  if (artifact === undefined) throw new Error(t.upload.nothing(file.name));
  return artifact;
}

export interface Upload {
  send: (files: File[]) => void;
  /** What is under way: a file's name, and how much of all is there, from 0 to 1. */
  now: { name: string; fraction: number } | undefined;
  error: Error | null;
  cancel: () => void;
}

/** useUpload sends files one after another and hands over what they became. It ends with the page; what was sent is kept. */
export function useUpload(onDone: (files: Artifact[]) => void): Upload {
  const [now, setNow] = useState<Upload["now"]>();
  const [stop, setStop] = useState<AbortController>();
  const last = useRef<AbortController>(undefined);
  useEffect(() => () => last.current?.abort(), []);
  const all = useMutation({
    mutationKey: ["upload"],
    mutationFn: async ({ files, signal }: { files: File[]; signal: AbortSignal }) => {
      const size = files.reduce((sum, f) => sum + f.size, 0);
      const made: Artifact[] = [];
      let before = 0;
      for (const file of files) {
        made.push(await upload(file, (bytes) => setNow({ name: file.name, fraction: size === 0 ? 0 : (before + bytes) / size }), signal));
        before += file.size;
      }
      return made;
    },
    onSuccess: onDone,
    onSettled: () => setNow(undefined),
  });
  return {
    now: all.isPending ? now : undefined,
    error: stop?.signal.aborted ? null : all.error,
    send(files) {
      const control = new AbortController();
      last.current = control;
      setStop(control);
      setNow({ name: files[0]?.name ?? "", fraction: 0 });
      all.mutate({ files, signal: control.signal });
    },
    cancel: () => stop?.abort(),
  };
}

/** useUploading says whether files are on their way: a form that takes them is not sent before. */
export const useUploading = (): boolean => useIsMutating({ mutationKey: ["upload"] }) > 0;

/** useFileField is what a FileField of a variable needs beside its label: it uploads what is given, and refuses what the variable does not take. */
export function useFileField(v: Variable, files: readonly Artifact[], onChange: (files: Artifact[]) => void) {
  const many = holds(v) === "many";
  return {
    accept: v.accept,
    many,
    files,
    onChange,
    upload: useUpload((made) => onChange(many ? [...files, ...made] : made)),
    refuses(file: File): string | undefined {
      const why = refuses(v, file);
      return why === undefined ? undefined : why === "size" ? t.launch.tooLarge(size(v.max_size ?? 0)) : t.launch.wrongKind((v.accept ?? []).join(", "));
    },
  };
}
