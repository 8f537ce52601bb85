import { Check, type LucideIcon } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";

export interface MenuItem {
  title: string;
  icon?: LucideIcon;
  onSelect: () => void;
  /** on: it is what holds now. undefined: it is no choice. */
  on?: boolean;
  danger?: boolean;
}

/** Menu opens at what it is given, a button. It is not modal: what scrolls goes on scrolling, and no styles are put into the page. */
export function Menu({ trigger, groups }: { trigger: ReactNode; groups: MenuItem[][] }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content align="end" sideOffset={6} className="z-40 min-w-44 rounded-lg bg-surface p-1 shadow-float">
          {groups.map((items, g) => (
            <DropdownMenu.Group key={g} className={g > 0 ? "mt-1 border-t border-line pt-1" : ""}>
              {items.map(({ title, icon: Icon, onSelect, on, danger }) => (
                <DropdownMenu.Item
                  key={title}
                  onSelect={onSelect}
                  {...(on === undefined ? {} : { role: "menuitemradio", "aria-checked": on })}
                  className={`flex h-8 items-center gap-2 rounded-md px-2 outline-none data-[highlighted]:bg-raised pointer-coarse:h-11 ${danger ? "text-bad" : ""}`}
                >
                  {Icon !== undefined && <Icon size={15} className={danger ? "" : "text-muted"} aria-hidden />}
                  <span className="grow">{title}</span>
                  {on === true && <Check size={15} className="text-accent" aria-hidden />}
                </DropdownMenu.Item>
              ))}
            </DropdownMenu.Group>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
