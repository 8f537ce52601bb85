import { useId, type ComponentProps, type ReactNode } from "react";

const box = "h-8 w-full rounded-md border border-edge bg-surface px-3 text-ink placeholder:text-faint aria-invalid:border-bad pointer-coarse:h-11 pointer-coarse:text-[16px]";

interface FieldProps {
  label: string;
  /** help says what may stand there; error what is wrong with what does. */
  help?: string;
  error?: string | undefined;
  /** What stands at the other end of the label's line, such as a button that makes it another field. */
  aside?: ReactNode;
}

function Field({ label, help, error, aside, id, children }: FieldProps & { id: string; children: ReactNode }) {
  const name = (
    <label htmlFor={id} className="min-w-0 font-medium break-words">
      {label}
    </label>
  );
  return (
    <div className="grid min-w-0 grid-cols-1 content-start gap-1">
      {aside === undefined ? (
        name
      ) : (
        <div className="flex min-h-5 items-baseline justify-between gap-3">
          {name}
          {aside}
        </div>
      )}
      {children}
      {(error ?? help) !== undefined && (
        <p id={`${id}-note`} className={error === undefined ? "text-small text-muted" : "text-small text-bad"}>
          {error ?? help}
        </p>
      )}
    </div>
  );
}

/** focusWrong puts the focus into the first field of a form that something is wrong with, once that is seen. */
export const focusWrong = (form: HTMLFormElement): void => void requestAnimationFrame(() => form.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());

/** Search is a field for words that narrow a list. What it is for stands in it. */
export function Search({ label, value, onChange, className = "" }: { label: string; value: string; onChange: (value: string) => void; className?: string }) {
  return <input type="search" value={value} onChange={(e) => onChange(e.target.value)} aria-label={label} placeholder={label} className={`${box} ${className}`} />;
}

export function Input({ label, help, error, aside, ...rest }: FieldProps & ComponentProps<"input">) {
  const id = useId();
  return (
    <Field {...{ label, id, aside }} {...(help === undefined ? {} : { help })} error={error}>
      <input {...rest} id={id} className={box} aria-invalid={error !== undefined || undefined} aria-describedby={`${id}-note`} />
    </Field>
  );
}

/** Select is the system's own: it is the best one on a phone, and needs no styles of its own. */
export function Select({ label, help, error, aside, ...rest }: FieldProps & ComponentProps<"select">) {
  const id = useId();
  return (
    <Field {...{ label, id, aside }} {...(help === undefined ? {} : { help })} error={error}>
      <select {...rest} id={id} className={box} aria-invalid={error !== undefined || undefined} aria-describedby={`${id}-note`} />
    </Field>
  );
}

export function Area({ label, help, error, aside, ...rest }: FieldProps & ComponentProps<"textarea">) {
  const id = useId();
  return (
    <Field {...{ label, id, aside }} {...(help === undefined ? {} : { help })} error={error}>
      <textarea rows={4} {...rest} id={id} className={`${box} h-auto resize-y py-2 pointer-coarse:h-auto`} aria-invalid={error !== undefined || undefined} aria-describedby={`${id}-note`} />
    </Field>
  );
}

export function Checkbox({ label, help, error, ...rest }: Omit<FieldProps, "aside"> & Omit<ComponentProps<"input">, "type">) {
  const id = useId();
  return (
    <div className="grid grid-cols-[auto_1fr] items-start gap-x-2 gap-y-1">
      <input {...rest} type="checkbox" id={id} aria-invalid={error !== undefined || undefined} aria-describedby={`${id}-note`} className="mt-[2px] size-4 accent-fill pointer-coarse:size-6" />
      <label htmlFor={id} className="font-medium pointer-coarse:pt-1">
        {label}
      </label>
      {(error ?? help) !== undefined && (
        <p id={`${id}-note`} className={`col-start-2 text-small ${error === undefined ? "text-muted" : "text-bad"}`}>
          {error ?? help}
        </p>
      )}
    </div>
  );
}
