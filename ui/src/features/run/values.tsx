import { asArtifact } from "../../core/values.js";
import { Media } from "../../kit/media.js";
import { t } from "../../strings.js";

const long = 2000; // characters of a text

/** Values are named values as a person reads them: files in their place, texts as texts, the rest as JSON. */
export function Values({ values }: { values: Record<string, unknown> | undefined }) {
  const entries = Object.entries(values ?? {});
  if (entries.length === 0) return <p className="text-muted">{t.none}</p>;
  return (
    <dl className="grid gap-3">
      {entries.map(([name, value]) => (
        <div key={name} className="grid min-w-0 gap-1">
          <dt className="font-mono text-small text-muted">{name}</dt>
          <dd className="min-w-0">
            <Value value={value} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Value({ value }: { value: unknown }) {
  const artifact = asArtifact(value);
  if (artifact !== undefined) return <Media artifact={artifact} />;
  if (Array.isArray(value) && value.length > 0 && value.every((v) => asArtifact(v) !== undefined))
    return (
      <div className="grid gap-2 sm:grid-cols-2">
        {value.map((v, i) => (
          <Value key={i} value={v} />
        ))}
      </div>
    );
  const plain = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const text = plain.length > long ? `${plain.slice(0, long)}…` : plain;
  return (
    <pre tabIndex={text.length > 400 ? 0 : undefined} className={`max-h-64 overflow-auto break-words whitespace-pre-wrap ${typeof value === "string" ? "font-sans" : "font-mono text-small"}`}>
      {text}
    </pre>
  );
}
