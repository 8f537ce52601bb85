import { Tabs as Radix } from "radix-ui";
import type { ReactNode } from "react";

/** Tabs shows one of several things. */
export function Tabs({ label, tabs }: { label: string; tabs: { name: string; title: string; content: ReactNode }[] }) {
  return (
    <Radix.Root defaultValue={tabs[0]?.name ?? ""}>
      <Radix.List aria-label={label} className="flex gap-4 border-b border-line">
        {tabs.map((tab) => (
          <Radix.Trigger key={tab.name} value={tab.name} className="-mb-px h-9 border-b-2 border-transparent font-medium text-muted hover:text-ink data-[state=active]:border-accent data-[state=active]:text-ink pointer-coarse:h-11">
            {tab.title}
          </Radix.Trigger>
        ))}
      </Radix.List>
      {tabs.map((tab) => (
        <Radix.Content key={tab.name} value={tab.name} className="pt-3">
          {tab.content}
        </Radix.Content>
      ))}
    </Radix.Root>
  );
}
