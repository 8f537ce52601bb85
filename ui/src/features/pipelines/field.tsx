import { holds, type Draft, type Variable } from "../../core/launch.js";
import type { Artifact } from "../../core/values.js";
import { useFileField } from "../../data/upload.js";
import { Area, Input, Select } from "../../kit/field.js";
import { FileField } from "../../kit/file-field.js";
import { t } from "../../strings.js";

interface FieldProps {
  variable: Variable;
  draft: Draft;
  error: string | undefined;
  onChange: (next: (was: Draft) => Draft) => void;
  /** What is typed where the variable takes several values, one run for each; undefined: it takes one. */
  several: string | undefined;
  onSeveral: (typed: string | undefined) => void;
}

/** Field is a variable as its type wants it: files, a choice, one text or several. */
export function Field({ variable: v, draft, error, onChange, several, onSeveral }: FieldProps) {
  if (holds(v) !== undefined) return <Files variable={v} files={draft.files[v.name] ?? []} error={error} onChange={(files) => onChange((d) => ({ ...d, files: { ...d.files, [v.name]: files } }))} />;
  const value = draft.text[v.name] ?? "";
  const set = (text: string): void => onChange((d) => ({ ...d, text: { ...d.text, [v.name]: text } }));
  const standing = v.default === undefined || v.default === null ? "" : typeof v.default === "string" ? v.default : JSON.stringify(v.default);
  const one = ["string", "number", "bool"].includes(v.type) && !v.sensitive;
  const props = {
    label: labelOf(v),
    error,
    ...(v.description === undefined ? {} : { help: v.description }),
    ...(one
      ? {
          aside: (
            <button
              type="button"
              aria-label={several === undefined ? t.launch.severalOf(v.name) : t.launch.oneOf(v.name)}
              onClick={() => onSeveral(several === undefined ? (v.type === "bool" ? "true\nfalse" : value) : undefined)}
              className="shrink-0 rounded-sm text-small text-muted hover:text-ink hover:underline pointer-coarse:min-h-6"
            >
              {several === undefined ? t.launch.several : t.launch.one}
            </button>
          ),
        }
      : {}),
  };
  if (several !== undefined)
    return <Area {...props} help={v.type === "number" ? t.launch.severalNumbers : t.launch.severalTexts} value={several} rows={4} placeholder={standing || v.type} spellCheck={v.type === "string"} onChange={(e) => onSeveral(e.currentTarget.value)} />;
  if (v.type === "bool")
    return (
      <Select {...props} value={value} onChange={(e) => set(e.currentTarget.value)}>
        <option value="">{standing === "" ? t.launch.choose : t.launch.standing(standing)}</option>
        <option value="true">true</option>
        <option value="false">false</option>
      </Select>
    );
  if (v.options !== undefined && !v.sensitive)
    return (
      <Select {...props} value={value} onChange={(e) => set(e.currentTarget.value)}>
        <option value="">{standing === "" ? t.launch.choose : t.launch.standing(standing)}</option>
        {v.options.map((o) => (
          <option key={String(o)}>{String(o)}</option>
        ))}
      </Select>
    );
  if (!one && !v.sensitive) return <Area {...props} help={[v.description, t.launch.json].filter(Boolean).join(". ")} value={value} rows={3} placeholder={standing || v.type} spellCheck={false} onChange={(e) => set(e.currentTarget.value)} />;
  if (v.type === "string" && !v.sensitive && standing.length > 60) return <Area {...props} value={value} rows={3} placeholder={standing} onChange={(e) => set(e.currentTarget.value)} />;
  return <Input {...props} value={value} placeholder={standing || v.type} spellCheck={v.type === "string"} autoComplete="off" type={v.sensitive ? "password" : "text"} inputMode={v.type === "number" ? "decimal" : "text"} onChange={(e) => set(e.currentTarget.value)} />;
}

const labelOf = (v: Variable): string => (v.required ? `${v.name} · ${t.launch.required}` : v.name);

function Files({ variable: v, files, error, onChange }: { variable: Variable; files: readonly Artifact[]; error: string | undefined; onChange: (files: Artifact[]) => void }) {
  return <FileField {...useFileField(v, files, onChange)} label={v.name} note={v.required ? t.launch.required : undefined} help={v.description} error={error} />;
}
