import { EyeOff } from "lucide-react";
import { artifactsIn, asArtifact, isSealed, written } from "../core/values.js";
import { FileRow, Media } from "./media.js";
import { t } from "../strings.js";

const long = 2000; // characters of a text

/** Values are named values as a person reads them: files in one line, or large in their place, texts as texts, the rest as JSON. */
export function Values({ values, large = false }: { values: Record<string, unknown> | undefined; large?: boolean }) {
  const entries = Object.entries(values ?? {});
  if (entries.length === 0) return <p className="text-muted">{t.none}</p>;
  return (
    <dl className="grid grid-cols-1 gap-3">
      {entries.map(([name, value]) => (
        <div key={name} className={`grid min-w-0 grid-cols-1 gap-x-4 gap-y-1 ${large ? "" : "sm:grid-cols-[8rem_minmax(0,1fr)]"}`}>
          <dt className="min-w-0 truncate font-mono text-small leading-5 text-muted" title={name}>
            {name}
          </dt>
          <dd className="min-w-0">
            <Value value={value} large={large} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Value is one of them. */
export function Value({ value, large }: { value: unknown; large: boolean }) {
  const artifact = asArtifact(value);
  if (artifact !== undefined) return large ? <Media artifact={artifact} /> : <FileRow artifact={artifact} />;
  if (Array.isArray(value) && value.length > 0 && value.every((v) => asArtifact(v) !== undefined))
    return (
      <div className={`grid gap-2 ${value.length > 1 ? "grid-cols-[repeat(auto-fill,minmax(min(100%,13rem),1fr))]" : ""}`}>
        {value.map((v, i) => (
          <Value key={i} value={v} large={large} />
        ))}
      </div>
    );
  if (isSealed(value))
    return (
      <span className="inline-flex items-center gap-2 text-muted">
        <EyeOff size={14} aria-hidden />
        {t.secret}
      </span>
    );
  if (value === "" || value === null || (Array.isArray(value) && value.length === 0)) return <span className="text-faint">{value === null ? t.none : t.emptyText}</span>;
  const plain = written(value);
  const text = plain.length > long ? `${plain.slice(0, long)}…` : plain;
  const files = artifactsIn(value);
  const pre = (
    <pre tabIndex={text.length > 400 ? 0 : undefined} className={`max-h-64 overflow-auto break-words whitespace-pre-wrap ${typeof value === "string" ? "font-sans" : "font-mono text-small leading-5"}`}>
      {text}
    </pre>
  );
  if (files.length === 0) return pre;
  return (
    <div className="grid gap-2">
      {pre}
      {files.map((a) => (
        <FileRow key={a.digest} artifact={a} />
      ))}
    </div>
  );
}
