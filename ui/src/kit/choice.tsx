import type { ReactNode } from "react";

interface ChoiceProps<T extends string> {
  label: string;
  options: readonly { name: T; title: string; icon?: ReactNode }[];
  chosen: T;
  onChoose: (name: T) => void;
}

/** Choice is a few words of which one is chosen: a view, a kind. */
export function Choice<T extends string>({ label, options, chosen, onChoose }: ChoiceProps<T>) {
  return (
    <div role="group" aria-label={label} className="flex flex-wrap gap-1">
      {options.map(({ name, title, icon }) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === chosen}
          onClick={() => onChoose(name)}
          className="inline-flex h-8 items-center gap-2 rounded-md px-3 font-medium text-muted hover:bg-raised hover:text-ink aria-pressed:bg-tint aria-pressed:text-accent pointer-coarse:h-11"
        >
          {icon}
          {title}
        </button>
      ))}
    </div>
  );
}
