import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { compact } from "../../core/format.js";
import { mediaKind, waveformURL, type Artifact } from "../../core/values.js";
import { isText, text } from "../../data/files.js";
import { Skeleton } from "../../kit/empty.js";
import { t } from "../../strings.js";
import { tensors } from "./queries.js";

/** Inside shows what is in a file that does not play: a text, how loud a sound is, what a model file says of itself. */
export function Inside({ artifact: a }: { artifact: Artifact }) {
  if (mediaKind(a.mediaType) === "audio") return <Wave artifact={a} />;
  if (isText(a.mediaType)) return <Text artifact={a} />;
  if (a.name.endsWith(".safetensors")) return <Model artifact={a} />;
  return null;
}

function Wave({ artifact: a }: { artifact: Artifact }) {
  const [broken, setBroken] = useState(false);
  if (broken) return null; // what draws it is not there
  return <img src={waveformURL(a)} alt={t.gallery.waveform} onError={() => setBroken(true)} className="h-24 w-full rounded-md bg-raised object-fill" />;
}

function Text({ artifact: a }: { artifact: Artifact }) {
  const found = useQuery(text(a));
  if (found.isPending) return <Skeleton className="h-48" />;
  return (
    <>
      <pre tabIndex={0} aria-label={a.name} className="max-h-[60vh] overflow-auto rounded-md bg-raised p-3 font-mono text-small break-words whitespace-pre-wrap">
        {found.data?.text ?? t.media.broken}
      </pre>
      {found.data?.more && <p className="text-small text-muted">{t.gallery.more}</p>}
    </>
  );
}

function Model({ artifact: a }: { artifact: Artifact }) {
  const found = useQuery(tensors(a));
  if (found.isPending) return <Skeleton className="h-24" />;
  if (!found.data) return <p className="text-muted">{t.gallery.noHead}</p>;
  const { count, parameters, types, metadata } = found.data;
  return (
    <div className="grid gap-2">
      <p>{t.gallery.tensors(count, compact(parameters), types.join(", "))}</p>
      <dl className="grid max-h-[50vh] grid-cols-[auto_1fr] gap-x-4 gap-y-1 overflow-auto text-small">
        {metadata.map(([key, value]) => (
          <div key={key} className="contents">
            <dt className="text-muted">{key}</dt>
            <dd className="min-w-0 break-words">{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
