/** Choice is one of a few, all of them seen. */
export function Choice<T extends string>({ label, value, options, onChange }: { label: string; value: T; options: readonly { value: T; title: string }[]; onChange: (value: T) => void }) {
  return (
    <div role="group" aria-label={label} className="flex flex-wrap gap-1">
      {options.map((o) => (
        <button
          key={o.value}
          type="button"
          aria-pressed={o.value === value}
          onClick={() => onChange(o.value)}
          className="h-8 rounded-md px-3 font-medium text-muted hover:bg-raised hover:text-ink aria-pressed:bg-tint aria-pressed:text-accent pointer-coarse:h-11"
        >
          {o.title}
        </button>
      ))}
    </div>
  );
}
