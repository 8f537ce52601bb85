import { Check, X } from "lucide-react";
import type { Schemas } from "../api/client.js";
import { date } from "../core/format.js";
import { answered, written, type Field } from "../core/question.js";
import { t } from "../strings.js";
import { Button } from "./button.js";
import { Area, Checkbox, Input, Select } from "./field.js";
import { FileRow } from "./media.js";
import { Values } from "./values.js";

export interface Answer {
  approved: boolean;
  form: Record<string, unknown>;
  reason?: string;
}

interface QuestionProps {
  ask: Schemas["Question"] | undefined;
  /** The digest of a question that is too big to be told. */
  askRef?: string | undefined;
  until?: string | undefined;
  busy: boolean;
  onAnswer: (answer: Answer) => void;
}

/** Question is what a gate asks: its message, its media, and a form for the answer. */
export function Question({ ask, askRef, until, busy, onAnswer }: QuestionProps) {
  const fields = ask?.form ?? [];
  const answer = (form: HTMLFormElement, approved: boolean): void => {
    const data = new FormData(form);
    const reason = data.get("/comment"); // no field of a pipeline is called that
    onAnswer({ approved, form: answered(fields, data), ...(typeof reason === "string" && reason.trim() !== "" ? { reason: reason.trim() } : {}) });
  };
  return (
    <form
      className="grid grid-cols-1 gap-4"
      onSubmit={(e) => {
        e.preventDefault();
        answer(e.currentTarget, true);
      }}
    >
      <p className="text-lead font-medium break-words">{ask?.message || t.question.waits}</p>
      {askRef !== undefined && askRef !== "" && (
        <div className="grid gap-2">
          <p className="text-muted">{t.question.tooBig}</p>
          <FileRow artifact={{ digest: askRef, name: "question.json", mediaType: "application/json", size: 0 }} />
        </div>
      )}
      {ask?.show && <Values values={ask.show} large />}
      {fields.map((f) => (
        <Entry key={f.name} field={f} />
      ))}
      <Input label={t.question.comment} name="/comment" autoComplete="off" />
      <div className="flex flex-wrap items-center justify-end gap-2">
        {until !== undefined && until !== "" && <p className="grow text-small text-muted">{t.question.until(date(until))}</p>}
        <Button look="danger" busy={busy} onClick={(e) => e.currentTarget.form && answer(e.currentTarget.form, false)}>
          <X size={15} aria-hidden />
          {t.question.reject}
        </Button>
        <Button type="submit" look="fill" busy={busy}>
          <Check size={15} aria-hidden />
          {t.question.approve}
        </Button>
      </div>
    </form>
  );
}

function Entry({ field: f }: { field: Field }) {
  const says = { label: f.name, name: f.name, ...(f.description ? { help: f.description } : {}) };
  const value = written(f.default);
  if (f.options !== undefined && f.options.length > 0) {
    const at = f.options.findIndex((o) => written(o) === value);
    return (
      <Select {...says} defaultValue={at < 0 ? "" : String(at)} required={f.default === undefined}>
        {at < 0 && <option value="">{t.question.choose}</option>}
        {f.options.map((o, i) => (
          <option key={i} value={i}>
            {written(o)}
          </option>
        ))}
      </Select>
    );
  }
  if (f.type === "bool") return <Checkbox {...says} defaultChecked={f.default === true} />;
  if (f.type === "number") return <Input {...says} type="number" step="any" defaultValue={value} required={f.default === undefined} />;
  if (f.type !== "string" || value.length > 60 || value.includes("\n")) return <Area {...says} defaultValue={value} spellCheck={f.type === "string"} />;
  return <Input {...says} defaultValue={value} />;
}
