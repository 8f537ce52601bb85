import { FileText } from "lucide-react";
import { useId, type Dispatch, type SetStateAction } from "react";
import { wordsOf } from "../../core/create.js";
import { percent } from "../../core/format.js";
import { holds, type Draft, type Variable } from "../../core/launch.js";
import { useFileField } from "../../data/upload.js";
import { Area } from "../../kit/field.js";
import { Drop, FileField } from "../../kit/file-field.js";
import { toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";

interface TopicProps {
  variable: Variable;
  error: string | undefined;
  /** What stands in it while it is empty. */
  hint?: string;
  draft: Draft;
  setDraft: Dispatch<SetStateAction<Draft>>;
}

/** Topic is what the film is about: a few words, or, where the pipeline takes a file, a text written here or a file with one. */
export function Topic({ variable: v, error, hint, draft, setDraft }: TopicProps) {
  const id = useId();
  const files = draft.files[v.name] ?? [];
  const field = useFileField(v, files, (next) => setDraft((d) => ({ ...d, files: { ...d.files, [v.name]: next } })));
  const isFile = holds(v) !== undefined;
  if (files.length > 0) return <FileField {...field} label={wordsOf(v.name)} help={v.description} error={error} />;
  const take = (given: File[]): void => {
    const [file] = given;
    if (!isFile || file === undefined) return;
    const why = field.refuses(file);
    if (why === undefined) field.upload.send([file]);
    else toastProblem({ title: why });
  };
  const area = (
    <Area
      label={wordsOf(v.name)}
      error={error}
      {...(v.description === undefined ? {} : { help: v.description })}
      rows={isFile ? 12 : 6}
      value={draft.text[v.name] ?? ""}
      placeholder={hint ?? (isFile ? t.create.articleHint : t.create.topicHint)}
      onChange={(e) => {
        const text = e.currentTarget.value;
        setDraft((d) => ({ ...d, text: { ...d.text, [v.name]: text } }));
      }}
    />
  );
  if (!isFile) return area;
  return (
    <Drop className="grid min-w-0 grid-cols-1 content-start gap-2" onFiles={take}>
      {(over) => (
        <>
          <div className={over ? "rounded-lg outline-2 outline-offset-2 outline-accent" : ""}>{area}</div>
          {field.upload.now === undefined ? (
            <label htmlFor={id} className="inline-flex h-8 cursor-pointer items-center gap-2 -ml-2 justify-self-start rounded-md px-2 font-medium text-muted focus-within:outline-2 focus-within:outline-accent hover:bg-raised hover:text-ink pointer-coarse:h-11">
              <FileText size={15} aria-hidden />
              {t.create.takeFile}
              <input id={id} type="file" className="sr-only" accept={(v.accept ?? []).join(",")} onChange={(e) => take([...(e.currentTarget.files ?? [])])} />
            </label>
          ) : (
            <p role="status" className="text-small text-muted">
              {t.upload.under(field.upload.now.name, percent(field.upload.now.fraction))}
            </p>
          )}
        </>
      )}
    </Drop>
  );
}
